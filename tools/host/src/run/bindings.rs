//! The Spin interfaces, generated from `wit/`.

#![expect(missing_docs, reason = "generated from wit/, where the comments are")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "redis-subscriber",
    imports: { default: trappable },
    with: {
        "spin:redis/redis.connection": crate::imports::resources::Connection,
        "spin:key-value/key-value.store": crate::imports::resources::Store,
    },
    additional_derives: [PartialEq],
});
