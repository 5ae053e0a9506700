//! A mutating webhook as one writes it with kube: a typed pod, changed, and the difference as a JSON patch.
//! Usage: kube-rs-webhook PORT CERT KEY DEFAULTS, the last a JSON list of PlatformDefaults.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use axum_server::tls_rustls::RustlsConfig;
use k8s_openapi::api::core::v1::{Pod, Volume, VolumeMount};
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use kube::core::{DynamicObject, ResourceExt};
use serde_json::{Value, from_value, to_value};

const WORKFLOW: &str = "workflows.argoproj.io/workflow";

struct Defaults {
    selector: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    volumes: Vec<Volume>,
    mounts: Vec<VolumeMount>,
}

fn part<T: serde::de::DeserializeOwned>(spec: &Value, pointer: &str) -> T {
    from_value(spec.pointer(pointer).cloned().expect(pointer)).expect(pointer)
}

fn read(object: &Value) -> Defaults {
    let spec = &object["spec"];
    Defaults {
        selector: part(spec, "/match/selector/matchLabels"),
        labels: part(spec, "/inject/labels"),
        annotations: part(spec, "/inject/annotations"),
        volumes: part(spec, "/inject/volumes"),
        mounts: part(spec, "/inject/volumeMounts"),
    }
}

fn apply(pod: &mut Pod, defaults: &[Defaults]) {
    let labels = pod.labels().clone();
    if !labels.contains_key(WORKFLOW) {
        return;
    }
    let matching = defaults.iter().filter(|one| one.selector.iter().all(|(key, value)| labels.get(key) == Some(value)));
    for one in matching {
        for (key, value) in &one.labels {
            pod.labels_mut().entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (key, value) in &one.annotations {
            pod.annotations_mut().entry(key.clone()).or_insert_with(|| value.clone());
        }
        let Some(spec) = pod.spec.as_mut() else { continue };
        let volumes = spec.volumes.get_or_insert_default();
        for volume in &one.volumes {
            if volumes.iter().all(|present| present.name != volume.name) {
                volumes.push(volume.clone());
            }
        }
        for container in spec.containers.iter_mut().filter(|container| container.name == "main") {
            let mounts = container.volume_mounts.get_or_insert_default();
            for mount in &one.mounts {
                if mounts.iter().all(|present| present.mount_path != mount.mount_path) {
                    mounts.push(mount.clone());
                }
            }
        }
    }
}

async fn mutate(
    State(defaults): State<Arc<Vec<Defaults>>>,
    Json(review): Json<AdmissionReview<Pod>>,
) -> Json<AdmissionReview<DynamicObject>> {
    let request: AdmissionRequest<Pod> = match review.try_into() {
        Ok(request) => request,
        Err(error) => return Json(AdmissionResponse::invalid(format!("{error}")).into_review()),
    };
    let response = AdmissionResponse::from(&request);
    let Some(before) = request.object else { return Json(response.into_review()) };
    let mut after = before.clone();
    apply(&mut after, &defaults);
    let patch = json_patch::diff(&to_value(&before).expect("a pod"), &to_value(&after).expect("a pod"));
    Json(response.with_patch(patch).expect("a patch").into_review())
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, cert, key, file] = arguments.as_slice() else { panic!("PORT CERT KEY DEFAULTS") };
    let list: Vec<Value> = serde_json::from_slice(&std::fs::read(file).expect("defaults")).expect("JSON");
    let defaults = Arc::new(list.iter().map(read).collect::<Vec<_>>());
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().expect("a port");
    let tls = RustlsConfig::from_pem_file(cert, key).await.expect("a certificate");
    let app = Router::new().route("/mutate", post(mutate)).with_state(defaults);
    axum_server::bind_rustls(address, tls).serve(app.into_make_service()).await.expect("to serve");
}
