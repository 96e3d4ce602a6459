;; A component that is woken by messages. It reads a variable for each, and never finishes with an empty one.
(component
  (import "spin:variables/variables@3.0.0" (instance $variables
    (type $error-cases
      (variant (case "invalid-name" string) (case "undefined" string) (case "provider" string) (case "other" string)))
    (export "error" (type $error (eq $error-cases)))
    (export "get" (func async (param "name" string) (result (result string (error $error)))))
  ))
  (import "spin:redis/redis@3.0.0" (instance $redis
    (type $bytes (list u8))
    (export "payload" (type (eq $bytes)))
    (type $error-cases
      (variant (case "invalid-address") (case "too-many-connections") (case "type-error") (case "other" string)))
    (export "error" (type (eq $error-cases)))
  ))
  (alias export $redis "payload" (type $payload))
  (alias export $redis "error" (type $error))

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
    (data (i32.const 16) "redis_url")
    (func (export "handle-message") (param $message i32) (param $length i32) (result i32)
      (call $get (i32.const 16) (i32.const 9) (i32.const 64))
      (if (i32.eqz (local.get $length)) (then (loop $endless (br $endless))))
      ;; What stands there is 0, for ok.
      (i32.const 128)
    )
  )
  (core instance $main (instantiate $main
    (with "memory" (instance $memory))
    (with "variables" (instance (export "get" (func $get))))
  ))
  (func $handle-message async (param "message" $payload) (result (result (error $error)))
    (canon lift (core func $main "handle-message")
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (instance (export "spin:redis/inbound-redis@3.0.0")
    (export "payload" (type $payload))
    (export "error" (type $error))
    (export "handle-message" (func $handle-message))
  )
)
