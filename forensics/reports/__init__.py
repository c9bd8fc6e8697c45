"""Case reports and evidence bundles."""
