//! A runtime of the harness's own: what serves several tests must outlive each test's runtime.

use std::future::Future;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

/// Runs a future until it ends or the process does.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(future);
}

/// Makes what only exists inside of a runtime, such as a socket.
pub(crate) fn enter<T>(make: impl FnOnce() -> T) -> T {
    let _entered = RUNTIME.enter();
    make()
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("harness")
        .enable_all()
        .build()
        .expect("a runtime starts")
});
