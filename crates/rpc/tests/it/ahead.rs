//! Who looks at batches before they are run.

use std::sync::{Arc, Mutex, atomic::Ordering};

use quintet_rpc::{Coming, RpcConfig, RpcServer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{module, post, registry, request};

#[tokio::test]
async fn a_batch_is_shown_before_its_first_call_runs_and_a_panic_there_changes_no_answer() {
    let (module, lab) = module();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (shown, calls) = (Arc::clone(&seen), Arc::clone(&lab));
    let look = move |coming: &[Coming<'_>]| {
        let calls = calls.large_calls.load(Ordering::SeqCst);
        let own = |call: &Coming<'_>| (call.method.to_owned(), call.params.to_owned(), calls);
        shown.lock().unwrap().extend(coming.iter().map(own));
        panic!("whoever looks may fail");
    };
    let server = RpcServer::builder(RpcConfig::default(), registry()).ahead(look).module(module);
    let handle = server.start(CancellationToken::new()).await.unwrap();
    let (first, second) = (request(1, "large", &json!([1])), request(2, "large", &json!([2])));
    // One that is no batch is not shown.
    post(handle.local_addr(), &first).await;
    assert!(seen.lock().unwrap().is_empty());
    let answer = post(handle.local_addr(), &format!("[{first},7,{second}]")).await.json();
    assert_eq!(
        (&answer[0]["result"], &answer[2]["result"]),
        (&json!("x"), &json!("xx")),
        "{answer}"
    );
    let large = |params: &str| ("large".to_owned(), params.to_owned(), 1);
    assert_eq!(*seen.lock().unwrap(), [large("[1]"), large("[2]")]);
}
