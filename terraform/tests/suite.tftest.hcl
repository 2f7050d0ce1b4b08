# The promises of the configuration, without credentials and without a cloud.

mock_provider "google" {
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = { uri = "https://function.example.run.app" }
    }
  }
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project_id              = "my-bots-prod"
  twitch_client_id        = "0123456789abcdefghijklmnopqrst"
  twitch_client_secret    = "0123456789abcdefghijklmnopqrst"
  draw_eventsub_secret    = false
  twitch_eventsub_secrets = ["a-secret-of-the-tests"]
  twitch_user_tokens      = []
  debug_token             = ""
  bus_prefix              = "dev."
}

run "defaults" {
  command = apply

  assert {
    condition     = google_pubsub_subscription.push["persistence"].push_config[0].push_endpoint == "https://function.example.run.app/projects/my-bots-prod/topics/dev.internal.ingress.v1"
    error_message = "the push endpoint must end in the path of the topic, from which the framework takes its name"
  }
  assert {
    condition     = google_pubsub_subscription.push["persistence"].push_config[0].oidc_token[0].audience == "https://function.example.run.app"
    error_message = "pushes must carry a token for the function"
  }
  assert {
    condition     = google_pubsub_subscription.push["persistence"].filter == "hasPrefix(attributes.type, \"system.\") OR attributes.type = \"twitch.eventsub.v1\""
    error_message = "chat must cause no call"
  }
  assert {
    condition     = google_pubsub_subscription.push["persistence"].dead_letter_policy[0].max_delivery_attempts >= 5
    error_message = "what cannot be delivered must become a dead letter"
  }
  assert {
    condition = alltrue([for s in concat(values(google_pubsub_subscription.push), [google_pubsub_subscription.dead_letters]) :
      s.expiration_policy[0].ttl == ""
    ])
    error_message = "subscriptions must not expire: a quiet month would end the suite"
  }
  assert {
    condition     = google_cloud_run_service_iam_member.eventsub_public.member == "allUsers" && length(google_cloud_run_service_iam_member.status_viewers) == 0
    error_message = "everybody may call EventSub, and nothing else"
  }
  assert {
    condition = alltrue([for f in [google_cloudfunctions2_function.persistence, google_cloudfunctions2_function.heartbeat] :
      f.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    ])
    error_message = "what only Google's services call must not be reachable from outside"
  }
  assert {
    condition = length(distinct([
      google_service_account.build.account_id, google_service_account.eventsub.account_id, google_service_account.heartbeat.account_id,
      google_service_account.persistence.account_id, google_service_account.push.account_id, google_service_account.scheduler.account_id,
      google_service_account.status.account_id,
    ])) == 7
    error_message = "each function needs an account of its own"
  }
  assert {
    condition     = alltrue([for v in google_secret_manager_secret_version.secret : v.secret_data == null])
    error_message = "values of secrets must not be in the state"
  }
  assert {
    condition     = google_cloud_scheduler_job.heartbeat.schedule == "* * * * *" && google_cloud_scheduler_job.heartbeat.http_target[0].http_method == "POST"
    error_message = "the heartbeat must tick once a minute"
  }
  assert {
    condition     = google_firestore_database.documents[0].deletion_policy == "ABANDON"
    error_message = "documents must outlive a destroy unless somebody says otherwise"
  }
  assert {
    condition     = length(google_billing_budget.monthly) == 0
    error_message = "no budget was asked for"
  }
}

run "choices" {
  command = plan

  variables {
    status_public              = true
    twitch_callback_url        = "https://hooks.example.com/twitch"
    heartbeat_interval_minutes = 5
    heartbeat_pushers          = ["serviceAccount:bots@my-bots-prod.iam.gserviceaccount.com"]
    firestore_create           = false
    firestore_backup_days      = 0
    alert_emails               = ["oncall@example.com"]
    budget                     = { billing_account = "012345-6789AB-CDEF01", amount = 20 }
    connectors = [{
      name        = "bots"
      url         = "https://bots.example.run.app/_debug/connectors"
      audience    = "https://bots.example.run.app"
      timeout     = "3s"
      run_service = { name = "bots", region = "us-central1" }
    }]
  }

  assert {
    condition     = toset(keys(google_cloud_run_service_iam_member.status_viewers)) == toset(["allUsers"])
    error_message = "a public status page must be open to everybody"
  }
  assert {
    condition     = output.webhook_url == "https://hooks.example.com/twitch" && google_cloudfunctions2_function.heartbeat.service_config[0].environment_variables["TWITCH_CALLBACK_URL"] == "https://hooks.example.com/twitch"
    error_message = "subscriptions must be made with the domain that leads to EventSub"
  }
  assert {
    condition     = google_cloud_scheduler_job.heartbeat.schedule == "*/5 * * * *"
    error_message = "the schedule must be that of the interval"
  }
  assert {
    condition     = google_cloudfunctions2_function.heartbeat.service_config[0].ingress_settings == "ALLOW_ALL" && length(google_cloud_run_service_iam_member.heartbeat_pushers) == 1
    error_message = "who pushes snapshots must reach the heartbeat"
  }
  assert {
    condition     = length(google_firestore_database.documents) == 0 && length(google_firestore_backup_schedule.daily) == 0
    error_message = "a database that exists must be left alone"
  }
  assert {
    condition     = google_cloudfunctions2_function.heartbeat.service_config[0].environment_variables["CONNECTORS"] == "[{\"audience\":\"https://bots.example.run.app\",\"name\":\"bots\",\"timeout\":\"3s\",\"url\":\"https://bots.example.run.app/_debug/connectors\"}]"
    error_message = "connectors must be written as the heartbeat reads them"
  }
  assert {
    condition     = google_cloud_run_service_iam_member.heartbeat_connectors["bots"].service == "bots"
    error_message = "the heartbeat must be let in by the connector's service"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.dead_letters.notification_channels) == 1
    error_message = "alerts must go to the address given"
  }
  assert {
    condition     = google_billing_budget.monthly[0].amount[0].specified_amount[0].units == "20"
    error_message = "the budget must be that asked for"
  }
}
