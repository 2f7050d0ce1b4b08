locals {
  root   = "${path.module}/.."
  labels = merge(var.labels, { suite = var.name })

  # Of the functions: of their Cloud Run services, accounts and schedules as well.
  names = { for name in keys(local.functions) : name => "${var.name}-${name}" }

  topics = {
    ingress    = "${var.bus_prefix}internal.ingress.v1"
    transition = "${var.bus_prefix}internal.source.transition.v1"
    deadletter = "${var.bus_prefix}internal.deadletter.v1"
  }

  services = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "firestore.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    var.budget != null ? ["billingbudgets.googleapis.com"] : [],
  ))
}

resource "google_project_service" "api" {
  for_each = local.services

  service = each.value
  # Others in the project may use it as well.
  disable_on_destroy = false
}

# The number of the project names Pub/Sub's own service account.
data "google_project" "this" {
  project_id = var.project_id

  depends_on = [google_project_service.api]
}
