# What has to be said.

variable "project_id" {
  description = "The Google Cloud project to deploy into, e.g. \"my-bots-prod\". It must exist and have billing."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project id: 6 to 30 lower-case letters, digits and dashes, beginning with a letter (not the project's name or number)."
  }
}

variable "twitch_client_id" {
  description = "Client ID of the Twitch app, from dev.twitch.tv/console/apps."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{20,40}$", var.twitch_client_id))
    error_message = "twitch_client_id must be the Client ID of a Twitch app: about 30 lower-case letters and digits."
  }
}

variable "twitch_client_secret" {
  description = "Client Secret of the Twitch app. Give it as TF_VAR_twitch_client_secret: it is written to Secret Manager, and neither to the state nor to a plan."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = can(regex("^[a-z0-9]{20,40}$", var.twitch_client_secret))
    error_message = "twitch_client_secret must be the Client Secret of a Twitch app: about 30 lower-case letters and digits."
  }
}

# Where and under which names.

variable "region" {
  description = "Region of the functions and of all that stands beside them, e.g. \"europe-west1\"."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a region such as \"us-central1\" (not a zone such as \"us-central1-a\")."
  }
}

variable "firestore_location" {
  description = "Location of the Firestore database, e.g. \"nam5\" or \"eur3\" for several regions. It cannot be changed later. Default: region."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^(nam[0-9]+|eur[0-9]+|[a-z]+-[a-z]+[0-9]{1,2})$", var.firestore_location))
    error_message = "firestore_location must be a region such as \"us-central1\", or \"nam5\" or \"eur3\"."
  }
}

variable "name" {
  description = "Stands before the names of functions, accounts and secrets, so that several suites fit into one project."
  type        = string
  default     = "sourcestate"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 17 lower-case letters, digits and dashes, beginning with a letter: the name of a service account, which it begins, takes no more."
  }
}

variable "bus_prefix" {
  description = "Stands before every topic, with its dot, e.g. \"dev.\"; what other services on the same bus call BUS_PREFIX."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]*\\.)?$", var.bus_prefix)) && !startswith(var.bus_prefix, "goog")
    error_message = "bus_prefix must be empty, or lower-case letters, digits and dashes that end with a dot, such as \"dev.\"; Pub/Sub keeps names in \"goog\" for itself."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels, e.g. { team = \"bots\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k, v in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))])
    error_message = "labels must have keys and values of at most 63 lower-case letters, digits, dashes and underscores; keys begin with a letter."
  }
}

# Twitch.

variable "draw_eventsub_secret" {
  description = "Whether to draw the secret that webhooks are signed with, known to Secret Manager alone. Say false to give twitch_eventsub_secrets. Another one is drawn when secret_revisions.eventsub changes, and only then."
  type        = bool
  default     = true
  nullable    = false
}

variable "twitch_eventsub_secrets" {
  description = "Secrets that webhooks are signed with, newest first; Twitch gets the first, all are accepted. Read only when secret_revisions.eventsub changes. Give it as TF_VAR_twitch_eventsub_secrets, e.g. '[\"...\"]'."
  type        = list(string)
  default     = []
  nullable    = false
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = alltrue([for s in var.twitch_eventsub_secrets : can(regex("^[!-+\\--~]{10,100}$", s))])
    error_message = "twitch_eventsub_secrets must have 10 to 100 ASCII characters each, without spaces and commas."
  }
  validation {
    # A secret that nobody would look at, or none at all, would let webhooks fail.
    condition     = var.draw_eventsub_secret == (length(var.twitch_eventsub_secrets) == 0)
    error_message = "twitch_eventsub_secrets must be given when draw_eventsub_secret is false, and only then."
  }
}

variable "twitch_user_tokens" {
  description = "User tokens to validate and to audit roles with, as [{ userId = \"555\", accessToken = \"...\" }]. Read only when secret_revisions.user_tokens changes. Give it as TF_VAR_twitch_user_tokens."
  type        = list(object({ userId = string, accessToken = string }))
  default     = []
  nullable    = false
  sensitive   = true
  ephemeral   = true

  validation {
    condition = alltrue([for t in var.twitch_user_tokens : can(regex("^[0-9]+$", t.userId)) && t.accessToken != ""]) && (
      length(var.twitch_user_tokens) == length(distinct([for t in var.twitch_user_tokens : t.userId]))
    )
    error_message = "twitch_user_tokens must have a userId of digits (a login will not do) and an accessToken each, and each user once."
  }
}

variable "secret_revisions" {
  description = "Which writing of each secret is in force. Raise a number by one to store the value that is given with this apply as a new version, which the functions then use. scripts/rotate-secret.sh keeps them in secrets.auto.tfvars.json."
  type = object({
    eventsub      = optional(number, 1)
    client_secret = optional(number, 1)
    user_tokens   = optional(number, 1)
    debug_token   = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for n in values(var.secret_revisions) : n >= 1 && n == floor(n)])
    error_message = "secret_revisions must be whole numbers from 1 on."
  }
}

variable "twitch_callback_url" {
  description = "URL under which Twitch reaches EventSub, when a domain of your own leads there. Default: that of the function."
  type        = string
  default     = null

  validation {
    # Twitch takes https on port 443 alone.
    condition     = var.twitch_callback_url == null || can(regex("^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?\\.[a-z]{2,}(:443)?(/[^\\s?#]*)?$", var.twitch_callback_url))
    error_message = "twitch_callback_url must be an https URL on port 443, such as \"https://hooks.example.com/twitch\"; Twitch takes no http and no other port."
  }
}

variable "twitch_broadcasters" {
  description = "Ids or logins of the channels to watch, e.g. [\"examplechan\", \"1337\"], beside the watchlist that scripts/watch edits. Logins are for a few; thousands belong on the watchlist."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for b in var.twitch_broadcasters : can(regex("^[a-zA-Z0-9_]{1,25}$", b))])
    error_message = "twitch_broadcasters must be ids or logins: letters, digits and underscores, without \"#\", \"twitch:\" or a URL."
  }
}

variable "twitch_bot_user_id" {
  description = "User id of the bot, whose roles become the permissions of a channel, e.g. \"555\"."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]*$", var.twitch_bot_user_id))
    error_message = "twitch_bot_user_id must be a user id, which is digits; a login will not do."
  }
}

# Connectors and the heartbeat.

variable "connectors" {
  description = "Services with connectors to poll. run_service names the Cloud Run service behind the URL when it wants authentication: the heartbeat becomes its invoker and sends an ID token for audience."
  type = list(object({
    name     = string
    url      = string
    audience = optional(string)
    timeout  = optional(string)
    run_service = optional(object({
      name    = string
      region  = string
      project = optional(string)
    }))
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for c in var.connectors : can(regex("^[A-Za-z0-9._-]{1,64}$", c.name))])
    error_message = "connectors must have a name each, of 1 to 64 letters, digits, dots, dashes and underscores."
  }
  validation {
    condition     = length(var.connectors) == length(distinct([for c in var.connectors : c.name]))
    error_message = "connectors must have different names."
  }
  validation {
    condition     = alltrue([for c in var.connectors : can(regex("^https?://[^/@\\s]+(/\\S*)?$", c.url)) && (c.audience == null || startswith(c.url, "https://"))])
    error_message = "connectors must have an http or https url without credentials in it, and https where an audience is given: the token would go over plain http."
  }
  validation {
    condition     = alltrue([for c in var.connectors : c.run_service == null || c.audience != null])
    error_message = "connectors with a run_service need its URL as audience, or no token is sent."
  }
  validation {
    condition     = alltrue([for c in var.connectors : c.timeout == null || can(regex("^([0-9]+ms|[0-9]+(\\.[0-9]+)?s)$", c.timeout))])
    error_message = "connectors must have timeouts such as \"3s\" or \"500ms\"."
  }
}

variable "heartbeat_interval_minutes" {
  description = "How often the heartbeat ticks. Readers take a source for stale after four intervals."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30], var.heartbeat_interval_minutes)
    error_message = "heartbeat_interval_minutes must be 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30: what divides an hour."
  }
}

variable "heartbeat_refresh" {
  description = "How often a source that did not change is published all the same, e.g. \"1h\"."
  type        = string
  default     = "1h"

  validation {
    condition     = can(regex("^[1-9][0-9]*[smh]$", var.heartbeat_refresh))
    error_message = "heartbeat_refresh must be a duration such as \"30m\" or \"1h\"."
  }
}

variable "heartbeat_lag" {
  description = "For how long after an event a poll that contradicts it is not believed, e.g. \"5m\"."
  type        = string
  default     = "5m"

  validation {
    condition     = can(regex("^[1-9][0-9]*[smh]$", var.heartbeat_lag))
    error_message = "heartbeat_lag must be a duration such as \"90s\" or \"5m\"."
  }
}

variable "heartbeat_pushers" {
  description = "Who may push snapshots to the heartbeat, as IAM members, e.g. [\"serviceAccount:bots@my-bots-prod.iam.gserviceaccount.com\"]. With any, the heartbeat takes authenticated requests from outside the project's network as well."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.heartbeat_pushers : can(regex("^(serviceAccount|user|group|domain):\\S+$", m))])
    error_message = "heartbeat_pushers must be IAM members such as \"serviceAccount:NAME@PROJECT.iam.gserviceaccount.com\"; \"allUsers\" is none."
  }
}

# Who may look.

variable "status_public" {
  description = "Whether everybody may open the status page and its API."
  type        = bool
  default     = false
}

variable "status_viewers" {
  description = "Who may when it is not public, as IAM members, e.g. [\"group:operators@example.com\"]."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.status_viewers : can(regex("^(serviceAccount|user|group|domain):\\S+$", m))])
    error_message = "status_viewers must be IAM members such as \"user:NAME@example.com\"; for everybody, set status_public."
  }
}

variable "status_redact" {
  description = "Whether error messages and raw metadata are hidden on the status page."
  type        = bool
  default     = true
}

variable "status_debug" {
  description = "Whether the debug page of Status (/_debug/twitch) is there, for whoever has debug_token. Status may then read the secret of the Twitch app, too."
  type        = bool
  default     = false
  nullable    = false
}

variable "debug_token" {
  description = "Bearer token of the debug page. Read only when secret_revisions.debug_token changes. Give it as TF_VAR_debug_token."
  type        = string
  default     = ""
  nullable    = false
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = var.debug_token == "" || can(regex("^[!-~]{16,200}$", var.debug_token))
    error_message = "debug_token must have 16 to 200 ASCII characters without spaces."
  }
  validation {
    condition     = !var.status_debug || var.debug_token != ""
    error_message = "debug_token must be given when status_debug is true."
  }
}

# Documents.

variable "firestore_create" {
  description = "Whether to make the project's default Firestore database. Say false where it exists already."
  type        = bool
  default     = true
}

variable "firestore_delete_protection" {
  description = "Whether the database outlives a destroy. Say false, and apply, before a destroy that is to take the documents along."
  type        = bool
  default     = true
}

variable "firestore_backup_days" {
  description = "For how many days daily backups are kept; 0 makes none."
  type        = number
  default     = 7

  validation {
    condition     = var.firestore_backup_days >= 0 && var.firestore_backup_days <= 98 && var.firestore_backup_days == floor(var.firestore_backup_days)
    error_message = "firestore_backup_days must be a whole number from 0 to 98."
  }
}

# Size.

variable "min_instances" {
  description = "How many instances of each function are kept warm; they cost money while nothing happens."
  type = object({
    eventsub    = optional(number, 0)
    persistence = optional(number, 0)
    status      = optional(number, 0)
  })
  default  = {}
  nullable = false
}

variable "max_instances" {
  description = "How many instances of each function there may be, which bounds what a flood can cost."
  type = object({
    eventsub    = optional(number, 20)
    persistence = optional(number, 20)
    status      = optional(number, 5)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for n in values(var.max_instances) : n >= 1 && n <= 1000 && n == floor(n)])
    error_message = "max_instances must be whole numbers from 1 to 1000."
  }
}

# Alerts.

variable "alert_emails" {
  description = "Addresses that alerts go to, e.g. [\"oncall@example.com\"]. Without these and notification_channels, alerts are seen in the console only."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for a in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", a))])
    error_message = "alert_emails must be mail addresses."
  }
}

variable "notification_channels" {
  description = "Names of notification channels that exist already (chat, pager), e.g. [\"projects/my-bots-prod/notificationChannels/123\"]."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for c in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", c))])
    error_message = "notification_channels must be full names such as \"projects/PROJECT/notificationChannels/123\"."
  }
}

variable "playbook_url" {
  description = "Where docs/playbooks can be read, without the slash at the end; alerts link there."
  type        = string
  default     = "https://github.com/sourcestate/sourcestate/blob/main/docs/playbooks"

  validation {
    condition     = can(regex("^https://\\S+[^/\\s]$", var.playbook_url))
    error_message = "playbook_url must be an https URL without a slash at its end."
  }
}

variable "budget" {
  description = "A monthly budget that mails the billing administrators at half of it, at all of it and when it will be passed, e.g. { billing_account = \"012345-6789AB-CDEF01\", amount = 20 }."
  type = object({
    billing_account = string
    amount          = number
  })
  default = null

  validation {
    condition = var.budget == null || try(
      can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account)) && var.budget.amount >= 1 && var.budget.amount == floor(var.budget.amount), false
    )
    error_message = "budget must have a billing_account such as \"012345-6789AB-CDEF01\" and a whole amount from 1 on, in the currency of the account."
  }
}
