locals {
  lines = [
    {
      title  = "Webhooks by answer"
      filter = "${local.requests_of} = \"${local.names.eventsub}\" AND metric.type = \"run.googleapis.com/request_count\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.response_code"]
    },
    {
      title  = "Webhooks: time to the answer, 99th percentile (ms)"
      filter = "${local.requests_of} = \"${local.names.eventsub}\" AND metric.type = \"run.googleapis.com/request_latencies\""
      align  = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_99", by = []
    },
    {
      title  = "Events by what became of them"
      filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.events_handled.name}\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.outcome"]
    },
    {
      title  = "Webhooks that became no event"
      filter = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.webhooks_not_published.name}\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.outcome"]
    },
    {
      title  = "Ticks of the heartbeat by outcome"
      filter = local.ticks_filter
      align  = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["metric.label.outcome"]
    },
    {
      title  = "Ticks: time to the answer, 99th percentile (ms)"
      filter = "${local.requests_of} = \"${local.names.heartbeat}\" AND metric.type = \"run.googleapis.com/request_latencies\""
      align  = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_99", by = []
    },
    {
      title  = "Oldest unacknowledged event (s)"
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${local.push_names}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      align  = "ALIGN_MAX", reduce = "REDUCE_MAX", by = ["resource.label.subscription_id"]
    },
    {
      title  = "Dead letters waiting"
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead_letters.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      align  = "ALIGN_MAX", reduce = "REDUCE_MAX", by = []
    },
    {
      title  = "Firestore: documents read"
      filter = "resource.type = \"firestore.googleapis.com/Database\" AND metric.type = \"firestore.googleapis.com/document/read_ops_count\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = []
    },
    {
      title  = "Firestore: documents written"
      filter = "resource.type = \"firestore.googleapis.com/Database\" AND metric.type = \"firestore.googleapis.com/document/write_ops_count\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = []
    },
    {
      title  = "Instances"
      filter = "${local.requests_of} = one_of(${join(", ", [for name in values(local.names) : "\"${name}\""])}) AND metric.type = \"run.googleapis.com/container/instance_count\""
      align  = "ALIGN_MAX", reduce = "REDUCE_SUM", by = ["resource.label.service_name"]
    },
    {
      title  = "5xx answers"
      filter = "${local.requests_filter} AND metric.labels.response_code_class = \"5xx\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["resource.label.service_name"]
    },
  ]

  requests_of = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name"
}

resource "google_monitoring_dashboard" "suite" {
  dashboard_json = jsonencode({
    displayName = var.name
    mosaicLayout = {
      columns = 48
      tiles = [for i, line in local.lines : {
        xPos   = i % 2 * 24
        yPos   = floor(i / 2) * 12
        width  = 24
        height = 12
        widget = {
          title = line.title
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = line.filter
                  aggregation = {
                    alignmentPeriod    = "60s"
                    perSeriesAligner   = line.align
                    crossSeriesReducer = line.reduce
                    groupByFields      = line.by
                  }
                }
              }
            }]
          }
        }
      }]
    }
  })

  depends_on = [google_project_service.api]
}
