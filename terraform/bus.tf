resource "google_pubsub_topic" "bus" {
  for_each = local.topics

  name = each.value

  depends_on = [google_project_service.api]
}

# Without a subscription of its own the topic would keep nothing. It never
# expires; scripts/redrive.sh reads it.
resource "google_pubsub_subscription" "dead_letters" {
  name                       = "${local.topics.deadletter}.kept"
  topic                      = google_pubsub_topic.bus["deadletter"].id
  message_retention_duration = "2678400s" # 31 days, the most there is
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub's own account, which forwards what could not be delivered and signs
# pushes. It exists once the API is on.
locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "agent_dead_letters" {
  topic  = google_pubsub_topic.bus["deadletter"].id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}
