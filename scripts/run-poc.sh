#!/usr/bin/env bash
#
# Prints the cluster that install.sh would join and what this machine has for it. Installs and starts nothing.

set -euo pipefail

# shellcheck source=scripts/install.sh
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"

echo "Cluster ID: $cluster"
echo 'Phase 1: environment'
report_dependencies
