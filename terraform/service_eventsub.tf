# EventSub: Twitch's webhooks. The one function that everybody must reach; it
# believes only what is signed.

resource "google_service_account" "eventsub" {
  account_id   = local.names.eventsub
  display_name = "EventSub of ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "eventsub" {
  for_each = toset(["ingress", "deadletter"])

  topic  = google_pubsub_topic.bus[each.value].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.eventsub.member
}

resource "google_secret_manager_secret_iam_member" "eventsub" {
  for_each = toset(["eventsub"])

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.eventsub.member
}

resource "google_cloudfunctions2_function" "eventsub" {
  name        = local.names.eventsub
  location    = var.region
  description = "Takes Twitch's webhooks and publishes what they say."

  build_config {
    runtime               = local.build.runtime
    entry_point           = local.functions.eventsub
    service_account       = local.build.account
    docker_repository     = local.build.repository
    environment_variables = local.build.environment

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.archive["eventsub"].name
      }
    }
  }

  service_config {
    service_account_email = google_service_account.eventsub.email
    ingress_settings      = "ALLOW_ALL"
    # Twitch gives up after about ten seconds.
    timeout_seconds                  = 10
    available_memory                 = "256M"
    available_cpu                    = "1" # less takes one request at a time
    max_instance_request_concurrency = 80
    min_instance_count               = var.min_instances.eventsub
    max_instance_count               = var.max_instances.eventsub

    environment_variables = { for name, value in {
      GOOGLE_CLOUD_PROJECT = var.project_id
      BUS_PREFIX           = var.bus_prefix
      TWITCH_BOT_USER_ID   = var.twitch_bot_user_id
    } : name => value if value != "" }

    dynamic "secret_environment_variables" {
      for_each = toset(["TWITCH_EVENTSUB_SECRETS"])

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
    google_project_iam_member.build_logs,
    google_pubsub_topic_iam_member.eventsub,
    google_secret_manager_secret_iam_member.eventsub,
    google_storage_bucket_iam_member.build_source,
  ]
}

# Twitch sends no identity; the signature is checked inside.
resource "google_cloud_run_service_iam_member" "eventsub_public" {
  location = var.region
  service  = google_cloudfunctions2_function.eventsub.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}
