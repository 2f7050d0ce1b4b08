locals {
  channels = concat(values(google_monitoring_notification_channel.mail)[*].name, var.notification_channels)

  playbooks = "${local.root}/docs/playbooks"

  heartbeat_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.names.heartbeat}\" AND jsonPayload.message=\"heartbeat finished\""
  # Four intervals, as with readers: one less would call two slow ticks a failure.
  patience = "${4 * 60 * var.heartbeat_interval_minutes}s"
}

resource "google_monitoring_notification_channel" "mail" {
  for_each = toset(var.alert_emails)

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.api]
}

# What the functions log, counted.

resource "google_logging_metric" "heartbeat_ticks" {
  name        = "${var.name}/heartbeat_ticks"
  description = "Ticks that came to an end: ok, failed in a step, or busy because another was running."
  filter      = local.heartbeat_filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key = "outcome"
    }
  }
  label_extractors = { outcome = "EXTRACT(jsonPayload.outcome)" }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "events_handled" {
  name        = "${var.name}/events_handled"
  description = "Events that Persistence acknowledged, by what became of them."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.names.persistence}\" AND jsonPayload.message=\"event handled\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key = "outcome"
    }
  }
  label_extractors = { outcome = "EXTRACT(jsonPayload.outcome)" }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "webhooks_not_published" {
  name        = "${var.name}/webhooks_not_published"
  description = "Webhooks that became no event, by why: refused, stale, dead_lettered, failed and others."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.names.eventsub}\" AND jsonPayload.message=\"eventsub message\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key = "outcome"
    }
  }
  label_extractors = { outcome = "EXTRACT(jsonPayload.outcome)" }

  depends_on = [google_project_service.api]
}

# Alerts. The playbook is the text of each, so that it is at hand where the alert is
# read; Cloud Monitoring takes 8 KiB.

resource "google_monitoring_alert_policy" "dead_letters" {
  display_name          = "${var.name}: dead letters"
  severity              = "WARNING"
  combiner              = "OR"
  notification_channels = local.channels

  # What the functions put there themselves, and what Pub/Sub forwarded. It stays
  # open until they are sent back or dropped.
  conditions {
    display_name = "dead letters are waiting"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead_letters.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  conditions {
    display_name = "Pub/Sub gave up delivering"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${local.push_names}) AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${local.playbooks}/dead-letters.md")
    links {
      display_name = "Playbook"
      url          = "${var.playbook_url}/dead-letters.md"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "oldest_unacked" {
  display_name          = "${var.name}: events wait too long"
  severity              = "ERROR"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "oldest unacknowledged message above 5 minutes"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${local.push_names}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = 300
      duration        = "300s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${local.playbooks}/oldest-unacked.md")
    links {
      display_name = "Playbook"
      url          = "${var.playbook_url}/oldest-unacked.md"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "server_errors" {
  display_name          = "${var.name}: server errors"
  severity              = "ERROR"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "more than 5 % of the answers are 5xx"
    condition_threshold {
      filter             = "${local.requests_filter} AND metric.labels.response_code_class = \"5xx\""
      denominator_filter = local.requests_filter
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.05
      # Two windows: one error in a quiet hour is repaired by its repetition.
      duration = "300s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${local.playbooks}/server-errors.md")
    links {
      display_name = "Playbook"
      url          = "${var.playbook_url}/server-errors.md"
    }
  }

  depends_on = [google_project_service.api]
}

# It does not depend on the heartbeat: silence is what it hears.
resource "google_monitoring_alert_policy" "heartbeat_no_progress" {
  display_name          = "${var.name}: heartbeat made no progress"
  severity              = "CRITICAL"
  combiner              = "OR"
  notification_channels = local.channels

  # A count that stops is absent and not zero.
  conditions {
    display_name = "no tick came to an end"
    condition_absent {
      filter   = local.progress_filter
      duration = local.patience
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
  conditions {
    display_name = "fewer than one tick in four intervals"
    condition_threshold {
      filter                  = local.progress_filter
      comparison              = "COMPARISON_LT"
      threshold_value         = 1
      duration                = "60s" # with 0 missing data would not count
      evaluation_missing_data = "EVALUATION_MISSING_DATA_ACTIVE"
      aggregations {
        alignment_period     = local.patience
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${local.playbooks}/heartbeat-no-progress.md")
    links {
      display_name = "Playbook"
      url          = "${var.playbook_url}/heartbeat-no-progress.md"
    }
  }

  # The metric exists only some time after it was made.
  depends_on = [google_cloudfunctions2_function.heartbeat]
}

resource "google_monitoring_alert_policy" "heartbeat_failing" {
  display_name          = "${var.name}: steps of the heartbeat fail"
  severity              = "WARNING"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "most ticks of half an hour failed in a step"
    condition_threshold {
      filter             = "${local.ticks_filter} AND metric.labels.outcome = \"failed\""
      denominator_filter = local.ticks_filter
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.5
      duration           = "0s"
      aggregations {
        alignment_period     = "1800s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
      denominator_aggregations {
        alignment_period     = "1800s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${local.playbooks}/heartbeat-failing.md")
    links {
      display_name = "Playbook"
      url          = "${var.playbook_url}/heartbeat-failing.md"
    }
  }

  # The metric exists only some time after it was made.
  depends_on = [google_cloudfunctions2_function.heartbeat]
}

locals {
  push_names = join(", ", [for s in google_pubsub_subscription.push : "\"${s.name}\""])

  # The heartbeat answers 500 when one of its steps failed, and has alerts of its own.
  requests_filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = one_of(${join(", ", [for name, full in local.names : "\"${full}\"" if name != "heartbeat"])}) AND metric.type = \"run.googleapis.com/request_count\""

  ticks_filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.heartbeat_ticks.name}\""
  progress_filter = "${local.ticks_filter} AND metric.labels.outcome != \"busy\""
}

resource "google_billing_budget" "monthly" {
  count = var.budget != null ? 1 : 0

  display_name    = var.name
  billing_account = var.budget.billing_account

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }
  amount {
    specified_amount {
      units = tostring(var.budget.amount)
    }
  }
  threshold_rules {
    threshold_percent = 0.5
  }
  threshold_rules {
    threshold_percent = 1.0
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  depends_on = [google_project_service.api]
}
