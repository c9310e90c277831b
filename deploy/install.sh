#!/bin/sh
# Installs the service into /opt/collateral, inside the build of the image. Argument: extras, separated by commas.
set -eu
extras=$1
if ls deploy/wheels/*.whl >/dev/null 2>&1; then
  export PIP_NO_INDEX=1 PIP_FIND_LINKS=/src/deploy/wheels
fi
export PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# What generates the stubs is needed for the wheels only.
python3 -m venv /tmp/build
/tmp/build/bin/python .ci/install.py .ci/requirements-build.lock
/tmp/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /tmp/dist . ./deploy/partner

python3 -m venv /opt/collateral
/opt/collateral/bin/python .ci/install.py .ci/requirements.lock
# The extras have the versions of the development lock; pip takes no hashes for a package that it installs from a file.
sed -E '/^ /d; s/ *\\$//' .ci/requirements-dev.lock >/tmp/versions
/opt/collateral/bin/pip install --quiet --constraint /tmp/versions /tmp/dist/collateral_partner-*.whl \
  "$(ls /tmp/dist/collateral-*.whl)${extras:+[$extras]}"
/opt/collateral/bin/python -m compileall -q /opt/collateral/lib
/opt/collateral/bin/pip uninstall --quiet --yes pip
rm -rf /tmp/build /tmp/dist /tmp/versions
