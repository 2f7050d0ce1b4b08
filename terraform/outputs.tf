output "webhook_url" {
  description = "Where Twitch sends its webhooks; the heartbeat subscribes with it."
  value       = local.callback_url
}

output "status_url" {
  description = "The status page and its API."
  value       = google_cloudfunctions2_function.status.service_config[0].uri
}

output "heartbeat_url" {
  description = "Where the Scheduler sends its ticks, and connectors their snapshots (/heartbeat/snapshots)."
  value       = google_cloudfunctions2_function.heartbeat.service_config[0].uri
}

output "project_id" {
  description = "The project."
  value       = var.project_id
}

output "region" {
  description = "The region."
  value       = var.region
}

output "topics" {
  description = "The topics by their part."
  value       = local.topics
}

output "dead_letter_subscription" {
  description = "Where dead letters are kept."
  value       = google_pubsub_subscription.dead_letters.name
}

output "push_subscriptions" {
  description = "The subscriptions that functions get their messages from, by function."
  value       = { for name, subscription in google_pubsub_subscription.push : name => subscription.name }
}

output "scheduler_job" {
  description = "The job that ticks."
  value       = google_cloud_scheduler_job.heartbeat.name
}

output "twitch_client_id" {
  description = "The Twitch app."
  value       = var.twitch_client_id
}

output "secrets" {
  description = "The secrets in Secret Manager, the version in force, and its revision; never the values."
  value = { for key, name in local.secret_names : key => {
    name     = name
    version  = google_secret_manager_secret_version.secret[key].version
    revision = var.secret_revisions[key]
  } }
}

output "next_steps" {
  description = "What to do now."
  value       = <<-EOT
    1. Prove it:         scripts/smoke.sh ${local.callback_url} ${google_cloudfunctions2_function.status.service_config[0].uri}
    2. Watch a channel:  GOOGLE_CLOUD_PROJECT=${var.project_id} go run ./scripts/watch add twitch:LOGIN
                         (a login needs TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET; an id does not)
    3. Look:             ${var.status_public ? google_cloudfunctions2_function.status.service_config[0].uri : "gcloud run services proxy ${google_cloudfunctions2_function.status.name} --region ${var.region} --project ${var.project_id}"}
    4. Be told:          ${length(var.alert_emails) + length(var.notification_channels) > 0 ? "alerts go to ${length(var.alert_emails) + length(var.notification_channels)} channels; docs/playbooks says what each means" : "set alert_emails and apply again: nobody is told of alerts now"}
  EOT
}
