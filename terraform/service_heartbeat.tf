# Heartbeat: asks connectors and Twitch once a minute how things stand.

resource "google_service_account" "heartbeat" {
  account_id   = local.names.heartbeat
  display_name = "Heartbeat of ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "heartbeat" {
  for_each = toset(["ingress"])

  topic  = google_pubsub_topic.bus[each.value].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.heartbeat.member
}

# Its lease, its ledger and the watchlist. Firestore has no roles on less than a
# project.
resource "google_project_iam_member" "heartbeat_documents" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.heartbeat.member
}

# It creates the subscriptions, so it needs what they are signed with.
resource "google_secret_manager_secret_iam_member" "heartbeat" {
  for_each = toset(["eventsub", "client_secret", "user_tokens"])

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.heartbeat.member
}

resource "google_cloud_run_service_iam_member" "heartbeat_connectors" {
  for_each = { for c in var.connectors : c.name => c.run_service if c.run_service != null }

  project  = coalesce(each.value.project, var.project_id)
  location = each.value.region
  service  = each.value.name
  role     = "roles/run.invoker"
  member   = google_service_account.heartbeat.member
}

resource "google_cloudfunctions2_function" "heartbeat" {
  name        = local.names.heartbeat
  location    = var.region
  description = "Polls connectors and Twitch, repairs subscriptions, publishes what changed."

  build_config {
    runtime               = local.build.runtime
    entry_point           = local.functions.heartbeat
    service_account       = local.build.account
    docker_repository     = local.build.repository
    environment_variables = local.build.environment

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.archive["heartbeat"].name
      }
    }
  }

  service_config {
    service_account_email = google_service_account.heartbeat.email
    # A second wall beside IAM. The Scheduler is inside; who pushes snapshots need
    # not be.
    ingress_settings                 = length(var.heartbeat_pushers) > 0 ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"
    timeout_seconds                  = 60 # a tick ends after 55
    available_memory                 = "512M"
    available_cpu                    = "1"
    max_instance_request_concurrency = 80
    min_instance_count               = 0
    max_instance_count               = 3 # a lease lets one tick run at a time

    environment_variables = { for name, value in {
      GOOGLE_CLOUD_PROJECT = var.project_id
      BUS_PREFIX           = var.bus_prefix
      TWITCH_CLIENT_ID     = var.twitch_client_id
      TWITCH_CALLBACK_URL  = local.callback_url
      TWITCH_BROADCASTERS  = join(",", var.twitch_broadcasters)
      TWITCH_BOT_USER_ID   = var.twitch_bot_user_id
      CONNECTORS = length(var.connectors) == 0 ? "" : jsonencode([for c in var.connectors : {
        for key, value in { name = c.name, url = c.url, audience = c.audience, timeout = c.timeout } : key => value if value != null
      }])
      HEARTBEAT_REFRESH = var.heartbeat_refresh
      HEARTBEAT_LAG     = var.heartbeat_lag
    } : name => value if value != "" }

    dynamic "secret_environment_variables" {
      for_each = toset(["TWITCH_CLIENT_SECRET", "TWITCH_EVENTSUB_SECRETS", "TWITCH_USER_TOKENS"])

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
    google_project_iam_member.heartbeat_documents,
    google_pubsub_topic_iam_member.heartbeat,
    google_secret_manager_secret_iam_member.heartbeat,
    google_storage_bucket_iam_member.build_source,
  ]
}

locals {
  callback_url = coalesce(var.twitch_callback_url, google_cloudfunctions2_function.eventsub.service_config[0].uri)
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-scheduler"
  display_name = "Ticks of ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_cloud_run_service_iam_member" "heartbeat_scheduler" {
  location = var.region
  service  = google_cloudfunctions2_function.heartbeat.name
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_run_service_iam_member" "heartbeat_pushers" {
  for_each = toset(var.heartbeat_pushers)

  location = var.region
  service  = google_cloudfunctions2_function.heartbeat.name
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_cloud_scheduler_job" "heartbeat" {
  name             = local.names.heartbeat
  region           = var.region
  description      = "One tick of the heartbeat."
  schedule         = var.heartbeat_interval_minutes == 1 ? "* * * * *" : "*/${var.heartbeat_interval_minutes} * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  # The next tick is the retry.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloudfunctions2_function.heartbeat.service_config[0].uri}/heartbeat"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.heartbeat.service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_service_iam_member.heartbeat_scheduler]
}
