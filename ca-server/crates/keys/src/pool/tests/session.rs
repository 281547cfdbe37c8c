//! Sessions that are lost, kept and closed.

use super::*;

#[tokio::test]
async fn opens_another_session_when_one_is_lost_and_signs() {
    let device = Script::default().losing(1);
    let pool = device.pool(&options(4, 3, LONG));

    let signature = pool.sign(b"a".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"a");
    assert_eq!((device.signs(), device.connects()), (2, 1));
}

#[tokio::test]
async fn keeps_a_session_that_works() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, LONG));

    for _ in 0..3 {
        pool.sign(b"a".to_vec(), later()).await.unwrap();
    }

    assert_eq!((device.signs(), device.connects()), (3, 0));
}

#[tokio::test]
async fn opens_another_session_though_the_first_new_one_is_lost_too() {
    let device = Script::default().losing(2);
    let pool = device.pool(&options(4, 3, LONG));

    let signature = pool.sign(b"a".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"a");
    assert_eq!((device.signs(), device.connects()), (3, 2));
}

#[tokio::test]
async fn tries_two_new_sessions_and_no_more() {
    let device = Script::default().losing(5);
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), later()).await;
    let tried = device.signs();
    let refused_again = pool.sign(b"a".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Device(reason)) if reason == "session closed"));
    assert!(refused_again.is_err());
    assert_eq!((tried, device.signs()), (3, 5));
}

#[tokio::test]
async fn keeps_its_threads_when_an_answer_makes_no_sense() {
    let device = Script::default().senseless(3);
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), later()).await;
    let signature = pool.sign(b"b".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Device(_))), "{refused:?}");
    assert_eq!(signature.unwrap(), b"b");
}

#[tokio::test]
async fn signs_in_new_sessions_only_after_a_signature_was_wrong() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, Duration::ZERO));
    pool.sign(b"wrong".to_vec(), later()).await.unwrap();

    pool.distrust();
    let signature = pool.sign(b"right".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"right");
    assert_eq!(device.connects(), 1);
}

#[test]
fn has_closed_its_sessions_when_it_is_dropped() {
    let device = Script::default().holding_sessions();
    let pool = device.pool(&options(4, 3, LONG));
    let opener = device.clone();
    let opener = thread::spawn(move || opener.let_close());

    drop(pool);

    assert!(device.0.closing.lock().unwrap().done);
    opener.join().unwrap();
}

#[test]
fn is_dropped_in_bounded_time_though_a_thread_hangs_in_the_device() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 3, LONG));
    pool.sign_blocking(b"a".to_vec(), soon()).unwrap_err();
    device.wait_until_entered();

    drop(pool);

    assert_eq!(device.signs(), 0);
    device.release();
}
