# Values are write-only: they go to Secret Manager, and neither to the state nor to
# a plan. A value is written when its revision changes, and only then.

ephemeral "random_password" "eventsub" {
  count = var.draw_eventsub_secret ? 1 : 0

  length  = 48
  lower   = true
  upper   = true
  numeric = true
  special = false # no comma, which would part it
}

locals {
  secret_names = merge(
    {
      eventsub      = "${var.name}-eventsub-secrets"
      client_secret = "${var.name}-twitch-client-secret"
      user_tokens   = "${var.name}-twitch-user-tokens"
    },
    var.status_debug ? { debug_token = "${var.name}-debug-token" } : {},
  )

  secret_values = {
    # One of them is empty.
    eventsub      = join(",", concat(ephemeral.random_password.eventsub[*].result, var.twitch_eventsub_secrets))
    client_secret = var.twitch_client_secret
    user_tokens   = jsonencode(var.twitch_user_tokens)
    debug_token   = var.debug_token
  }
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secret_names

  secret_id = each.value

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "secret" {
  for_each = local.secret_names

  secret                 = google_secret_manager_secret.secret[each.key].id
  secret_data_wo         = local.secret_values[each.key]
  secret_data_wo_version = var.secret_revisions[each.key]

  # The one before can be enabled again, if it was replaced by mistake.
  deletion_policy = "DISABLE"

  lifecycle {
    # The functions use the new one before the old one goes.
    create_before_destroy = true
  }
}

locals {
  # For the environment of functions. Versions are numbers: "latest" would be read
  # when an instance starts, and instances would differ.
  secret_environment = { for key, name in {
    TWITCH_EVENTSUB_SECRETS = "eventsub"
    TWITCH_CLIENT_SECRET    = "client_secret"
    TWITCH_USER_TOKENS      = "user_tokens"
    DEBUG_TOKEN             = "debug_token"
    } : key => {
    secret  = google_secret_manager_secret.secret[name].secret_id
    version = google_secret_manager_secret_version.secret[name].version
  } if contains(keys(local.secret_names), name) }
}
