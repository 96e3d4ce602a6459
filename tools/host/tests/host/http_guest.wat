;; A component that answers requests. For each it reads a variable, and does what the value says: it computes forever at
;; "spin", and traps at "trap". Else it answers with an error, because an answer would take many more lines.
(component
  (import "spin:variables/variables@3.0.0" (instance $variables
    (type $error-cases
      (variant (case "invalid-name" string) (case "undefined" string) (case "provider" string) (case "other" string)))
    (export "error" (type $error (eq $error-cases)))
    (export "get" (func async (param "name" string) (result (result string (error $error)))))
  ))
  (import "wasi:http/types@0.3.0" (instance $types
    (export "request" (type (sub resource)))
    (export "response" (type (sub resource)))
    (type $dns (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $dns-error (eq $dns)))
    (type $tls (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $tls-alert (eq $tls)))
    (type $size (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $field-size (eq $size)))
    (type $code (variant
      (case "DNS-timeout") (case "DNS-error" $dns-error) (case "destination-not-found")
      (case "destination-unavailable") (case "destination-IP-prohibited") (case "destination-IP-unroutable")
      (case "connection-refused") (case "connection-terminated") (case "connection-timeout")
      (case "connection-read-timeout") (case "connection-write-timeout") (case "connection-limit-reached")
      (case "TLS-protocol-error") (case "TLS-certificate-error") (case "TLS-alert-received" $tls-alert)
      (case "HTTP-request-denied") (case "HTTP-request-length-required") (case "HTTP-request-body-size" (option u64))
      (case "HTTP-request-method-invalid") (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long")
      (case "HTTP-request-header-section-size" (option u32)) (case "HTTP-request-header-size" (option $field-size))
      (case "HTTP-request-trailer-section-size" (option u32)) (case "HTTP-request-trailer-size" $field-size)
      (case "HTTP-response-incomplete") (case "HTTP-response-header-section-size" (option u32))
      (case "HTTP-response-header-size" $field-size) (case "HTTP-response-body-size" (option u64))
      (case "HTTP-response-trailer-section-size" (option u32)) (case "HTTP-response-trailer-size" $field-size)
      (case "HTTP-response-transfer-coding" (option string)) (case "HTTP-response-content-coding" (option string))
      (case "HTTP-response-timeout") (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected")
      (case "configuration-error") (case "internal-error" (option string))))
    (export "error-code" (type (eq $code)))
  ))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (alias export $types "error-code" (type $error-code))

  (core module $memory
    (memory (export "memory") 1)
    ;; Whatever comes in is read before the next comes.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  )
  (core instance $memory (instantiate $memory))
  (core func $get
    (canon lower (func $variables "get")
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))

  (core module $main
    (import "memory" "memory" (memory 1))
    (import "variables" "get" (func $get (param i32 i32 i32)))
    (data (i32.const 16) "what")
    (func (export "handle") (param $request i32) (result i32)
      (local $first i32)
      (call $get (i32.const 16) (i32.const 4) (i32.const 64))
      (local.set $first (i32.load8_u (i32.const 1024)))
      (if (i32.eq (local.get $first) (i32.const 115)) (then (loop $endless (br $endless))))
      (if (i32.eq (local.get $first) (i32.const 116)) (then unreachable))
      ;; An error, the one of loop-detected.
      (i32.store8 (i32.const 128) (i32.const 1))
      (i32.store8 (i32.const 136) (i32.const 36))
      (i32.const 128)
    )
  )
  (core instance $main (instantiate $main
    (with "memory" (instance $memory))
    (with "variables" (instance (export "get" (func $get))))
  ))
  (func $handle async (param "request" (own $request)) (result (result (own $response) (error $error-code)))
    (canon lift (core func $main "handle")
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (instance (export "wasi:http/handler@0.3.0")
    (export "handle" (func $handle))
  )
)
