//! What a host says when it starts, and when it cannot.

use segue_functions::{FunctionEvent, HostOptions};

use crate::apps::TestApp;
use crate::hubs::MemoryHubs;

const HANDLER: &str = "async () => {}";

async fn refusal(app: &TestApp) -> String {
    match app.try_start(&MemoryHubs::with_partitions(1)).await.0 {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn functions_are_listed_and_those_that_do_not_run_say_why() {
    let app = TestApp::v4("cardinality: 'many', consumerGroup: 'crm',", HANDLER);
    app.write(
        "src/others.js",
        "const { app } = require('@azure/functions');
         app.http('web', { handler: async () => ({}) });
         app.timer('clock', { schedule: '0 0 * * * *', handler: async () => {} });
         app.eventHub('off', { connection: 'NO', eventHubName: 'x', handler: async () => {} });",
    );
    let mut options = app.options.clone();
    options.settings_override.insert("AzureWebJobs.off.Disabled".to_owned(), "true".to_owned());
    let (host, recorder) = crate::apps::start(options, &MemoryHubs::with_partitions(1)).await;
    let host = host.unwrap();
    host.listening().await;

    let events = recorder.events();
    let shown = |wanted: fn(&FunctionEvent) -> bool| {
        events.iter().find(|event| wanted(event)).unwrap().to_string()
    };
    assert_eq!(
        shown(|event| matches!(event, FunctionEvent::FunctionsLoaded { .. })),
        "Functions:\n\
         \n\tfn: eventHubTrigger on in (crm)\
         \n\tweb: httpTrigger (not run: trigger not supported here)\
         \n\tclock: timerTrigger (not run: trigger not supported here)\
         \n\toff: eventHubTrigger (not run: disabled)\n"
    );
    assert_eq!(
        shown(|event| matches!(event, FunctionEvent::Listening { .. })),
        "fn listens to localhost/in, partition 0, as crm, from the start on"
    );
    assert_eq!(host.functions().len(), 4);
    host.stop().await;
}

#[tokio::test]
async fn a_directory_without_an_app_is_refused() {
    let mut app = TestApp::empty();
    app.options = HostOptions::new(app.path("src-that-is-not-there"), app.path("data"));
    assert!(refusal(&app).await.contains("src-that-is-not-there"));
    std::fs::create_dir(app.path("")).unwrap();
    assert!(refusal(&app).await.contains("it has no host.json"));
}

#[tokio::test]
async fn missing_packages_name_the_command_that_installs_them() {
    let app = TestApp::v4("", HANDLER);
    std::fs::remove_file(app.path("node_modules")).unwrap();
    let message = refusal(&app).await;
    let dir = app.options.app_dir.canonicalize().unwrap();
    let expected = format!("run `npm install` in {}", dir.display());
    assert!(message.contains("@azure/functions") && message.ends_with(&expected), "{message}");
}

#[tokio::test]
async fn an_app_that_fails_to_load_shows_file_and_error() {
    let app = TestApp::v4("", HANDLER);
    app.write("src/broken.js", "require('./nothing')");
    let message = refusal(&app).await;
    assert!(message.contains("src/broken.js: Error: Cannot find module './nothing'"), "{message}");
}

#[tokio::test]
async fn an_app_without_functions_says_where_they_were_looked_for() {
    let app = TestApp::empty();
    let message = refusal(&app).await;
    assert!(message.contains("\"src/*.js\", which matches no file"), "{message}");
    app.write("src/empty.js", "");
    assert!(refusal(&app).await.contains("register none"));
}

#[tokio::test]
async fn wrong_settings_are_said_before_anything_runs() {
    let app = TestApp::v4("cardinality: 'few',", HANDLER);
    assert!(refusal(&app).await.contains("function fn: \"cardinality\" must be one or many"));
    app.write("local.settings.json", r#"{"IsEncrypted": false}"#);
    let app = TestApp::v4("", HANDLER);
    app.write("local.settings.json", r#"{"IsEncrypted": false}"#);
    assert!(refusal(&app).await.contains("function fn: the connection HUB is not set"));
    app.write("local.settings.json", r#"{"IsEncrypted": false, "Values": {"HUB": "nonsense"}}"#);
    assert!(refusal(&app).await.contains("the setting HUB is no connection string"));
    app.write(
        "local.settings.json",
        r#"{"IsEncrypted": false, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python"}}"#,
    );
    assert!(refusal(&app).await.contains("FUNCTIONS_WORKER_RUNTIME is \"python\""));
}

#[tokio::test]
async fn user_code_sees_the_settings_and_no_token() {
    let app = TestApp::v4(
        "cardinality: 'one',",
        "async (message, context) => {
            const names = Object.keys(process.env);
            context.log(names.filter((name) => /^(FROM_FILE|SEGUE_WORKER)/.test(name)).join());
        }",
    );
    app.write(
        "local.settings.json",
        r#"{"IsEncrypted": false, "Values": {"FROM_FILE": "1",
            "HUB": "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k"}}"#,
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["1"]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(1).await, ["FROM_FILE"]);
    host.stop().await;
}
