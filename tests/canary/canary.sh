#!/bin/bash
# Fails on purpose: scripts/test runs it to see that the runner notices (laboratory cases).
echo "ok - the canary passes"
echo "not ok - the canary fails"
exit 1
