# The default database of the project: other services read the documents there.
resource "google_firestore_database" "documents" {
  count = var.firestore_create ? 1 : 0

  name        = "(default)"
  location_id = coalesce(var.firestore_location, var.region)
  type        = "FIRESTORE_NATIVE"

  delete_protection_state = var.firestore_delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # A protected one is left alone by a destroy, which would fail otherwise.
  deletion_policy = var.firestore_delete_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.api]
}

resource "google_firestore_backup_schedule" "daily" {
  count = var.firestore_backup_days > 0 ? 1 : 0

  database  = local.database
  retention = "${var.firestore_backup_days * 86400}s"

  daily_recurrence {}
}

locals {
  database = var.firestore_create ? google_firestore_database.documents[0].name : "(default)"

  # What expires, by collection: Firestore drops documents within about a day.
  expiring = toset(["history", "viewers"])

  # Fields that no query looks at and that an index would make expensive: times,
  # which all writes of a collection have in the same place of the index (500 writes
  # a second are the limit then), and maps, each key of which would be an entry.
  # What queries need is left to the indexes that every field has: a source by
  # platform, status and streamStatus, a session by startedAt. Equality and the
  # order by name are served by these together, so there is no composite index.
  unindexed = merge([for collection, fields in {
    sources = [
      "_merge", "auth", "connectors", "createdAt", "lastError", "lastStatusUpdate", "lastStreamUpdate", "metadata",
      "metrics", "stream", "updatedAt",
    ]
    history = ["at"]
    streams = ["_merge", "categories", "titles"]
    viewers = ["_merge", "minutes"]
    ledger  = ["entries"]

    heartbeat = ["answers"]
    } : { for field in fields : "${collection}.${field}" => { collection = collection, field = field } }
  ]...)
}

resource "google_firestore_field" "expires" {
  for_each = local.expiring

  database   = local.database
  collection = each.value
  field      = "expireAt"

  ttl_config {}
  index_config {} # none: it is a time, too

  depends_on = [google_project_service.api]
}

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed

  database   = local.database
  collection = each.value.collection
  field      = each.value.field

  index_config {}

  depends_on = [google_project_service.api]
}
