use super::world::World;

#[tokio::test]
async fn shows_every_operation_with_nothing_from_elsewhere() {
    let world = World::new().await;

    let answer = world.get("/api/v1/docs").send().await;

    let html = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    for (method, path) in world.routes() {
        let shown = format!("<b class=\"{method}\">{method}</b> <code>{path}</code>");
        assert!(html.contains(&shown), "{shown}");
    }
    for fetching in [
        "<script", "<link", "<img", "<iframe", "src=", "@import", "url(", "on",
    ] {
        let attribute = format!(" {fetching}=");
        assert!(fetching == "on" || !html.contains(fetching), "{fetching}");
        assert!(!html.contains(&attribute), "{attribute}");
    }
}

#[tokio::test]
async fn its_policy_allows_its_own_style_and_nothing_else() {
    let world = World::new().await;

    let answer = world.get("/api/v1/docs").send().await;

    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
}
