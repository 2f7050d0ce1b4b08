# Status: shows the documents. It only reads.

resource "google_service_account" "status" {
  account_id   = local.names.status
  display_name = "Status of ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_project_iam_member" "status_documents" {
  project = var.project_id
  role    = "roles/datastore.viewer"
  member  = google_service_account.status.member
}

# Only for the debug page, where there is one.
resource "google_secret_manager_secret_iam_member" "status" {
  for_each = toset(var.status_debug ? ["client_secret", "debug_token"] : [])

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.status.member
}

resource "google_cloudfunctions2_function" "status" {
  name        = local.names.status
  location    = var.region
  description = "Shows the documents as a page and as JSON."

  build_config {
    runtime               = local.build.runtime
    entry_point           = local.functions.status
    service_account       = local.build.account
    docker_repository     = local.build.repository
    environment_variables = local.build.environment

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.archive["status"].name
      }
    }
  }

  service_config {
    service_account_email = google_service_account.status.email
    ingress_settings      = "ALLOW_ALL" # people look at it; IAM says who
    # Streams of events last as long as their readers like, and come again then.
    timeout_seconds                  = 3600
    available_memory                 = "256M"
    available_cpu                    = "1"
    max_instance_request_concurrency = 80
    min_instance_count               = var.min_instances.status
    max_instance_count               = var.max_instances.status

    environment_variables = { for name, value in {
      GOOGLE_CLOUD_PROJECT = var.project_id
      STATUS_REDACT        = tostring(var.status_redact)
      HEARTBEAT_INTERVAL   = "${var.heartbeat_interval_minutes}m"
      TWITCH_BROADCASTERS  = join(",", var.twitch_broadcasters)
      TWITCH_CLIENT_ID     = var.status_debug ? var.twitch_client_id : ""
    } : name => value if value != "" }

    dynamic "secret_environment_variables" {
      for_each = toset(var.status_debug ? ["DEBUG_TOKEN", "TWITCH_CLIENT_SECRET"] : [])

      content {
        project_id = var.project_id
        key        = secret_environment_variables.value
        secret     = local.secret_environment[secret_environment_variables.value].secret
        version    = local.secret_environment[secret_environment_variables.value].version
      }
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build_images,
    google_firestore_database.documents,
    google_project_iam_member.build_logs,
    google_project_iam_member.status_documents,
    google_secret_manager_secret_iam_member.status,
    google_storage_bucket_iam_member.build_source,
  ]
}

resource "google_cloud_run_service_iam_member" "status_viewers" {
  for_each = var.status_public ? toset(["allUsers"]) : toset(var.status_viewers)

  location = var.region
  service  = google_cloudfunctions2_function.status.name
  role     = "roles/run.invoker"
  member   = each.value
}
