//! Two servers that share PostgreSQL: a login on one is a login on both.

use ca_tests::TestCa;

use crate::caller::{Caller, add_client, create_token};

#[tokio::test]
async fn a_login_on_one_server_is_known_and_ended_on_the_other() {
    let one = TestCa::builder().on_postgres().start();
    let two = one.twin();
    let client = add_client(&one, "deployer");
    let (_, admin) = create_token(&two, "anna");
    let (here, there) = (Caller::of(&one), Caller::of(&two));
    let tokens = here.log_in(&client).await;
    let token = tokens.text("access_token");

    let known = there.whoami(token).await;
    let ended = there.revoke(&client, token).await;
    let after = here.whoami(token).await;

    assert_eq!(known.body["name"], "client:deployer", "{known:?}");
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(after.status, 401, "{after:?}");
    assert_eq!(here.whoami(&admin).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_in_both() {
    let one = TestCa::builder().on_postgres().start();
    let two = one.twin();
    let client = add_client(&one, "deployer");
    let (here, there) = (Caller::of(&one), Caller::of(&two));

    for _ in 0..5 {
        let tokens = here.log_in(&client).await;
        let token = tokens.text("refresh_token");

        let (one, other) =
            tokio::join!(here.refresh(&client, token), there.refresh(&client, token));

        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{one:?} {other:?}");
        let won = [&one, &other]
            .into_iter()
            .find(|answer| answer.status == 200);
        let ended = here.whoami(won.unwrap().text("access_token")).await;
        assert_eq!(ended.status, 401, "{ended:?}");
    }
}
