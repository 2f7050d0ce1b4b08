terraform {
  # 1.11 is the first version with write-only arguments, which keep the values of
  # secrets out of the state and of plans.
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    random = {
      source = "hashicorp/random"
      # 3.7 is the first version with an ephemeral random_password.
      version = "~> 3.7"
    }
  }
}

provider "google" {
  project        = var.project_id
  region         = var.region
  default_labels = local.labels

  # The budget API wants to know which project a call is counted for when the
  # credentials are those of a person.
  user_project_override = var.budget != null
  billing_project       = var.budget != null ? var.project_id : null
}
