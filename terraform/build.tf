# One archive for each function: a root package that imports it, the function, and
# what it imports, so that a change in one function redeploys that one alone.

locals {
  module = regex("(?m)^module (\\S+)$", file("${local.root}/go.mod"))[0]

  # Directories under functions/ and the names under which they register.
  functions = {
    eventsub    = "EventSub"
    heartbeat   = "Heartbeat"
    persistence = "Persistence"
    status      = "Status"
  }

  # Tests and what they read are left out. "**" and not "**.go", which would not
  # descend, and would leave embedded files behind.
  sources = { for path in setunion(fileset(local.root, "functions/**"), fileset(local.root, "shared/**")) :
    path => dirname(path) if !endswith(path, "_test.go") && !strcontains(path, "/testdata/")
  }
  go = { for path, directory in local.sources : path => directory if endswith(path, ".go") }

  # What each package imports of this module, and then, each time twice as far,
  # what that imports: imports are followed 16 deep.
  imports = { for directory in toset(values(local.go)) : directory => distinct(concat([directory], flatten([
    for path, of in local.go : [
      for found in regexall("\"${local.module}/((?:functions|shared)/[^\"]+)\"", file("${local.root}/${path}")) : found[0]
    ] if of == directory
  ]))) }
  imports_2  = { for p, found in local.imports : p => distinct(flatten([for i in found : local.imports[i]])) }
  imports_4  = { for p, found in local.imports_2 : p => distinct(flatten([for i in found : local.imports_2[i]])) }
  imports_8  = { for p, found in local.imports_4 : p => distinct(flatten([for i in found : local.imports_4[i]])) }
  imports_16 = { for p, found in local.imports_8 : p => distinct(flatten([for i in found : local.imports_8[i]])) }

  archived = { for name, target in local.functions : name => concat(
    ["go.mod", "go.sum"],
    # Below the function lies what it embeds; beside a shared package lie others.
    [for path, directory in local.sources : path if
      startswith(path, "functions/${name}/") || contains(local.imports_16["functions/${name}"], directory)
    ],
  ) }
}

data "archive_file" "function" {
  for_each = local.functions

  type             = "zip"
  output_path      = "${path.module}/build/${each.key}.zip"
  output_file_mode = "0644" # whatever it is here, so that the hash is the same everywhere

  source {
    filename = "function.go"
    content  = templatefile("${path.module}/function.go.tftpl", { module = local.module, name = each.key })
  }

  dynamic "source" {
    for_each = local.archived[each.key]

    content {
      filename = source.value
      content  = file("${local.root}/${source.value}")
    }
  }
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project_id}-${var.name}-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # it holds nothing that the repository does not

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_object" "archive" {
  for_each = local.functions

  # An object of the same name with other content would not be deployed.
  name   = "${each.key}-${data.archive_file.function[each.key].output_sha256}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.function[each.key].output_path

  lifecycle {
    # The one before stays until the function no longer names it.
    create_before_destroy = true
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "${var.name}-images"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the functions, made by their builds."

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s" # 30 days
    }
  }

  depends_on = [google_project_service.api]
}

# Builds run as an account of their own: the default one has no roles in newer
# organisations, and far too many in older ones.
resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Builds of ${var.name}"

  depends_on = [google_project_service.api]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_storage_bucket_iam_member" "build_source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

locals {
  build = {
    runtime    = "go126"
    account    = google_service_account.build.id
    repository = google_artifact_registry_repository.images.id
    # A third smaller, and so a little faster to start.
    environment = { GOOGLE_GOLDFLAGS = "-s -w" }
  }
}
