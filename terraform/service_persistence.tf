# Persistence: merges events into documents. Its subscription is in push.tf.

resource "google_service_account" "persistence" {
  account_id   = local.names.persistence
  display_name = "Persistence of ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_project_iam_member" "persistence_documents" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.persistence.member
}

resource "google_pubsub_topic_iam_member" "persistence" {
  for_each = toset(["transition", "deadletter"])

  topic  = google_pubsub_topic.bus[each.value].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.persistence.member
}

resource "google_cloudfunctions2_function" "persistence" {
  name        = local.names.persistence
  location    = var.region
  description = "Merges events into documents and publishes transitions."

  build_config {
    runtime               = local.build.runtime
    entry_point           = local.functions.persistence
    service_account       = local.build.account
    docker_repository     = local.build.repository
    environment_variables = local.build.environment

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.archive["persistence"].name
      }
    }
  }

  service_config {
    service_account_email = google_service_account.persistence.email
    # Pushes of the project's own Pub/Sub are inside: a second wall beside IAM.
    ingress_settings                 = "ALLOW_INTERNAL_ONLY"
    timeout_seconds                  = 30 # an event ends after 25
    available_memory                 = "512M"
    available_cpu                    = "1" # events of one source that meet are stored together
    max_instance_request_concurrency = 80
    min_instance_count               = var.min_instances.persistence
    max_instance_count               = var.max_instances.persistence

    environment_variables = { for name, value in {
      GOOGLE_CLOUD_PROJECT = var.project_id
      BUS_PREFIX           = var.bus_prefix
    } : name => value if value != "" }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build_images,
    google_firestore_database.documents,
    google_project_iam_member.build_logs,
    google_project_iam_member.persistence_documents,
    google_pubsub_topic_iam_member.persistence,
    google_storage_bucket_iam_member.build_source,
  ]
}
