#!/usr/bin/python3
"""Makes a source file of the status page: embed_page.py PAGE SOURCE. The policy that goes with it allows
the page's own script and style by their digests, and nothing else."""

import base64
import hashlib
import re
import sys

page = open(sys.argv[1], encoding="utf-8").read()


def digests(tag):
    bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
    return " ".join("'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
                    for body in bodies)


policy = (f"default-src 'none'; script-src {digests('script')}; style-src {digests('style')}; "
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
with open(sys.argv[2], "w", encoding="utf-8") as source:
    source.write('#include "controlplane/metrics/status_page.h"\n\nnamespace director::metrics {\n\n'
                 f'const std::string_view kStatusPage = R"PAGE({page})PAGE";\n'
                 f'const char* const kStatusPagePolicy =\n    "{policy}";\n\n'
                 "}  // namespace director::metrics\n")
