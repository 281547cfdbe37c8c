//! Who waits for a signature, and for how long.

use tokio::task::JoinHandle;

use super::*;

/// Has the pool's thread hang in the device with a first input.
async fn hang(device: &Script, pool: &Arc<Pool>) -> JoinHandle<Result<Vec<u8>, KeyError>> {
    let pool = Arc::clone(pool);
    let first = tokio::spawn(async move { pool.sign(b"first".to_vec(), later()).await });
    tokio::task::yield_now().await;
    device.wait_until_entered();
    first
}

#[tokio::test]
async fn gives_no_place_and_signs_nothing_while_it_is_distrusted() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, LONG));

    pool.distrust();

    let place = pool.reserve();
    let refused = pool.sign(b"a".to_vec(), later()).await;
    assert!(
        matches!(place, Err(KeyError::Unavailable { .. })),
        "{place:?}"
    );
    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    assert_eq!(device.signs(), 0);
}

#[tokio::test]
async fn answers_at_once_after_failures_in_a_row() {
    let device = Script::default().losing(1).broken(usize::MAX);
    let pool = device.pool(&options(4, 2, LONG));
    for _ in 0..2 {
        let refused = pool.sign(b"a".to_vec(), later()).await;
        assert!(matches!(refused, Err(KeyError::Key(_))), "{refused:?}");
    }

    let refused = pool.sign(b"a".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    assert_eq!(device.connects(), 2);
}

#[tokio::test]
async fn works_again_by_itself_when_the_device_does() {
    let device = Script::default().losing(1).broken(3);
    let pool = device.pool(&options(4, 1, Duration::ZERO));
    for _ in 0..3 {
        pool.sign(b"a".to_vec(), later()).await.unwrap_err();
    }

    let signature = pool.sign(b"a".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"a");
}

#[tokio::test]
async fn answers_by_the_deadline_while_the_device_hangs() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), soon()).await;

    assert!(matches!(refused, Err(KeyError::DeadlineExceeded)));
    device.release();
}

#[test]
fn answers_a_blocked_thread_by_the_deadline_too() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign_blocking(b"a".to_vec(), soon());

    assert!(matches!(refused, Err(KeyError::DeadlineExceeded)));
    device.release();
}

#[tokio::test]
async fn stops_asking_a_device_that_hangs() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 2, LONG));
    for _ in 0..2 {
        pool.sign(b"a".to_vec(), soon()).await.unwrap_err();
    }

    let refused = pool.sign(b"a".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    device.release();
}

#[tokio::test]
async fn turns_requests_away_at_once_when_the_queue_is_full() {
    let device = Script::default().hanging();
    let pool = Arc::new(device.pool(&options(1, u32::MAX, LONG)));
    let first = hang(&device, &pool).await;
    pool.sign(b"queued".to_vec(), soon()).await.unwrap_err();

    let refused = pool.sign(b"no room".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    device.release();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn drops_unsigned_what_waited_past_its_deadline() {
    let device = Script::default().hanging();
    let pool = Arc::new(device.pool(&options(4, u32::MAX, LONG)));
    let first = hang(&device, &pool).await;
    pool.sign(b"late".to_vec(), soon()).await.unwrap_err();

    device.release();
    first.await.unwrap().unwrap();
    pool.sign(b"in time".to_vec(), later()).await.unwrap();

    let signed = device.0.inputs.lock().unwrap();
    assert_eq!(*signed, [b"first".to_vec(), b"in time".to_vec()]);
}

#[tokio::test]
async fn refuses_a_deadline_that_has_passed_without_asking_the_device() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), Instant::now()).await;

    assert!(matches!(refused, Err(KeyError::DeadlineExceeded)));
    assert_eq!(device.signs(), 0);
}
