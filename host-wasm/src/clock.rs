//! Microseconds that only grow: the one difference between a browser and the tests on this machine.

#[cfg(target_family = "wasm")]
mod source {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance)]
        fn now() -> f64;
    }

    pub(crate) fn micros() -> u64 {
        (now() * 1000.0) as u64
    }
}

#[cfg(not(target_family = "wasm"))]
mod source {
    use std::sync::OnceLock;
    use std::time::Instant;

    pub(crate) fn micros() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

pub(crate) use source::micros;

/// Stands still for so many microseconds: DEBUG SLEEP. A worker has nothing better to wait with.
pub(crate) fn sleep(for_micros: u64) {
    let until = micros().saturating_add(for_micros);
    while micros() < until {}
}
