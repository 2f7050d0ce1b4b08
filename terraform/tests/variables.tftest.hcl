# What is refused, before anything is made. A run takes some seconds, most of them for
# the archives, so each has one wrong value for every variable that is left; every
# one of them must be refused.

mock_provider "google" {}

variables {
  project_id              = "my-bots-prod"
  twitch_client_id        = "0123456789abcdefghijklmnopqrst"
  twitch_client_secret    = "0123456789abcdefghijklmnopqrst"
  draw_eventsub_secret    = false
  twitch_eventsub_secrets = ["a-secret-of-the-tests"]
}

run "first_of_each_is_refused" {
  command = plan

  variables {
    debug_token                = "short"                                                  # too short
    project_id                 = "123456789012"                                           # project number
    twitch_client_id           = "my bot"                                                 # client id that is a name
    twitch_client_secret       = "'0123456789abcdefghijklmnopqrst'"                       # client secret with quotes
    region                     = "us-central1-a"                                          # region that is a zone
    firestore_location         = "europe"                                                 # firestore location that is none
    name                       = "sourcestate-production"                                 # name too long for an account
    bus_prefix                 = "dev"                                                    # prefix without its dot
    labels                     = { Team = "bots" }                                        # label in capitals
    twitch_eventsub_secrets    = ["short"]                                                # eventsub secret too short
    twitch_user_tokens         = [{ userId = "examplebot", accessToken = "a" }]           # user token of a login
    secret_revisions           = { eventsub = 0 }                                         # revision below one
    twitch_callback_url        = "http://hooks.example.com/twitch"                        # callback over http
    twitch_broadcasters        = ["#examplechan"]                                         # broadcaster with a hash
    twitch_bot_user_id         = "examplebot"                                             # bot by login
    connectors                 = [{ name = "", url = "https://bots.example.com/" }]       # connector without a name
    heartbeat_interval_minutes = 7                                                        # interval that divides no hour
    heartbeat_refresh          = "60"                                                     # refresh without unit
    heartbeat_lag              = "5"                                                      # lag without unit
    heartbeat_pushers          = ["allUsers"]                                             # pushers that are everybody
    status_viewers             = ["allUsers"]                                             # viewers that are everybody
    firestore_backup_days      = 365                                                      # backups for a year
    max_instances              = { eventsub = 0 }                                         # no instances at all
    alert_emails               = ["oncall"]                                               # alert email without domain
    notification_channels      = ["123"]                                                  # notification channel by number
    playbook_url               = "http://example.com/playbooks"                           # playbooks over http
    budget                     = { billing_account = "012345-6789AB-CDEF01", amount = 0 } # budget of nothing
  }

  expect_failures = [
    var.debug_token,
    var.project_id,
    var.twitch_client_id,
    var.twitch_client_secret,
    var.region,
    var.firestore_location,
    var.name,
    var.bus_prefix,
    var.labels,
    var.twitch_eventsub_secrets,
    var.twitch_user_tokens,
    var.secret_revisions,
    var.twitch_callback_url,
    var.twitch_broadcasters,
    var.twitch_bot_user_id,
    var.connectors,
    var.heartbeat_interval_minutes,
    var.heartbeat_refresh,
    var.heartbeat_lag,
    var.heartbeat_pushers,
    var.status_viewers,
    var.firestore_backup_days,
    var.max_instances,
    var.alert_emails,
    var.notification_channels,
    var.playbook_url,
    var.budget,
  ]
}

run "second_of_each_is_refused" {
  command = plan

  variables {
    status_debug            = true                                                                                             # without debug_token
    project_id              = "My-Bots"                                                                                        # project id in capitals
    region                  = "Europe"                                                                                         # region that is none
    name                    = "SourceState"                                                                                    # name in capitals
    bus_prefix              = "dev/."                                                                                          # prefix with a slash
    twitch_eventsub_secrets = ["one-secret,another-secret"]                                                                    # eventsub secret with a comma
    twitch_user_tokens      = [{ userId = "555", accessToken = "" }]                                                           # user token that is empty
    twitch_callback_url     = "https://hooks.example.com:8443/twitch"                                                          # callback on another port
    connectors              = [{ name = "a", url = "https://a.example.com/" }, { name = "a", url = "https://b.example.com/" }] # connectors of one name
  }

  expect_failures = [
    var.debug_token,
    var.project_id,
    var.region,
    var.name,
    var.bus_prefix,
    var.twitch_eventsub_secrets,
    var.twitch_user_tokens,
    var.twitch_callback_url,
    var.connectors,
  ]
}

run "third_of_each_is_refused" {
  command = plan

  variables {
    project_id              = ""                                                         # project id that is empty
    twitch_eventsub_secrets = []                                                         # eventsub secret neither given nor drawn
    twitch_callback_url     = "https://"                                                 # callback without a host
    connectors              = [{ name = "a", url = "https://me:secret@a.example.com/" }] # connector with credentials in its url
  }

  expect_failures = [
    var.project_id,
    var.twitch_eventsub_secrets,
    var.twitch_callback_url,
    var.connectors,
  ]
}

run "fourth_of_each_is_refused" {
  command = plan

  variables {
    connectors = [{ name = "a", url = "http://a.example.com/", audience = "https://a.example.com" }] # connector with a token over http
  }

  expect_failures = [
    var.connectors,
  ]
}

run "fifth_of_each_is_refused" {
  command = plan

  variables {
    connectors = [{ name = "a", url = "https://a.example.com/", run_service = { name = "a", region = "us-central1" } }] # connector of a service without audience
  }

  expect_failures = [
    var.connectors,
  ]
}

run "sixth_of_each_is_refused" {
  command = plan

  variables {
    connectors = [{ name = "a", url = "https://a.example.com/", timeout = "3" }] # connector with a bare timeout
  }

  expect_failures = [
    var.connectors,
  ]
}
