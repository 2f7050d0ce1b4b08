# Functions that take messages get them by push subscriptions of ours and not by an
# event trigger, which knows neither dead letters nor a filter, and drops after 24 hours
# what it could not deliver. Another one is another entry here, and a service file.

locals {
  pushes = {
    persistence = {
      topic = "ingress"
      # Chat on the same topic causes no call. A filter cannot be changed: the
      # subscription is replaced, and what waits in it is lost.
      filter   = "hasPrefix(attributes.type, \"system.\") OR attributes.type = \"twitch.eventsub.v1\""
      function = google_cloudfunctions2_function.persistence.name
      uri      = google_cloudfunctions2_function.persistence.service_config[0].uri
    }
  }
}

resource "google_service_account" "push" {
  account_id   = "${var.name}-push"
  display_name = "Deliveries of Pub/Sub to ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_service_account_iam_member" "agent_push_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}

resource "google_cloud_run_service_iam_member" "push_invoker" {
  for_each = local.pushes

  location = var.region
  service  = each.value.function
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

resource "google_pubsub_subscription" "push" {
  for_each = local.pushes

  name   = "${local.topics[each.value.topic]}.${each.key}"
  topic  = google_pubsub_topic.bus[each.value.topic].id
  filter = each.value.filter

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s" # 7 days

  push_config {
    # The framework takes the topic from a path like this, and warns of each message
    # without.
    push_endpoint = "${each.value.uri}/projects/${var.project_id}/topics/${local.topics[each.value.topic]}"

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = each.value.uri
    }
  }

  # 2, 4, 8 … 256 seconds, then every 5 minutes: a message is a dead letter after
  # about 3 hours, so an outage of Firestore that is shorter needs nobody.
  retry_policy {
    minimum_backoff = "2s"
    maximum_backoff = "300s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.bus["deadletter"].id
    max_delivery_attempts = 45
  }

  # Never, however quiet it is.
  expiration_policy {
    ttl = ""
  }

  depends_on = [
    google_cloud_run_service_iam_member.push_invoker,
    google_pubsub_topic_iam_member.agent_dead_letters,
    google_service_account_iam_member.agent_push_tokens,
  ]
}

# To forward a message, Pub/Sub must acknowledge it here.
resource "google_pubsub_subscription_iam_member" "agent_push" {
  for_each = local.pushes

  subscription = google_pubsub_subscription.push[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
