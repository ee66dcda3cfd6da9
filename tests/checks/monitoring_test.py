"""What scripts/monitoring says fits the metrics page: names, rules and queries. With Prometheus' own
promtool, and tests/data/metrics/page.txt, which has every metric and label that there is."""

import json
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MONITORING = ROOT / "scripts" / "monitoring"
PAGE = ROOT / "tests" / "data" / "metrics" / "page.txt"
PROMTOOL = shutil.which("promtool")

# What Prometheus itself knows of whom it watches.
PROMETHEUS_OWN = {"up", "ALERTS"}
NAME = re.compile(r"\b(?:director|process)_[a-z_]+\b|\bup\b|\bALERTS\b")
SELECTOR = re.compile(r"((?:director|process)_[a-z_]+)\{([^}]*)\}")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def labels_by_name():
    known = {}
    for line in PAGE.read_text().splitlines():
        if not line.startswith("#"):
            name, _, rest = line.partition("{")
            name = name.split(" ")[0]
            labels = set(re.findall(r'(\w+)="', rest))
            known.setdefault(name, set()).update(labels | {"instance", "job"})
    return known


def expressions():
    """(where, expression) of every rule, panel and variable."""
    for line in (MONITORING / "director_alerts.yml").read_text().splitlines():
        if line.strip().startswith("expr: "):
            yield "an alert", line.split("expr: ", 1)[1]
    dashboard = json.loads((MONITORING / "director_dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()
            yield variable["name"], f"sum by ({label}) ({name})"


def complaints(where, expression, known):
    names = set(NAME.findall(expression)) - PROMETHEUS_OWN
    for name in sorted(names - set(known)):
        yield f"{where}: no metric {name}"
    for name, selectors in SELECTOR.findall(expression):
        for label in re.findall(r"(\w+)\s*(?:=~|!=|=)", selectors):
            if label not in known.get(name, {label}):
                yield f"{where}: {name} has no label {label}"
    of_any = set().union({"instance", "job"}, *(known.get(name, set()) for name in names))
    for grouping in GROUPING.findall(expression):
        for label in re.split(r",\s*", grouping):
            if names and label not in of_any:
                yield f"{where}: no label {label} to sum by"


class Monitoring(unittest.TestCase):
    def promtool(self, *arguments, **options):
        if PROMTOOL is None:
            self.skipTest("promtool is not installed (scripts/setup lab)")
        done = subprocess.run([PROMTOOL, *arguments], cwd=MONITORING, capture_output=True, text=True,
                              check=False, **options)
        return done.returncode, done.stdout + done.stderr

    def test_the_page_has_nothing_to_complain_about(self):
        self.assertEqual(self.promtool("check", "metrics", input=PAGE.read_text()), (0, ""))

    def test_complaints_are_noticed(self):
        code, said = self.promtool("check", "metrics", input="# TYPE a_total gauge\na_total 1\n")
        self.assertNotEqual(code, 0, said)

    def test_rules_and_configuration_are_valid(self):
        code, said = self.promtool("check", "config", "prometheus.yml")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"SUCCESS: \d+ rules found")

    def test_each_alert_fires_when_it_should(self):
        code, said = self.promtool("test", "rules", "director_alerts_test.yml")
        self.assertEqual(code, 0, said)
        tested = (MONITORING / "director_alerts_test.yml").read_text()
        for alert in re.findall(r"- alert: (\w+)", (MONITORING / "director_alerts.yml").read_text()):
            self.assertIn(f'alertname="{alert}"', tested)

    def test_every_query_is_about_metrics_and_labels_that_exist(self):
        known = labels_by_name()
        found = list(expressions())
        self.assertGreater(len(found), 40)
        self.assertEqual([text for where, expression in found
                          for text in complaints(where, expression, known)], [])

    def test_wrong_queries_are_noticed(self):
        known = labels_by_name()
        for expression in ("director_nothing", 'director_connections{worker="0"}',
                           "sum by (colour) (director_connections)"):
            self.assertEqual(len(list(complaints("here", expression, known))), 1, expression)

    def test_every_query_parses(self):
        rules = {"groups": [{"name": "queries", "rules": [
            {"record": f"query:{number}", "expr": expression.replace("$__rate_interval", "1m")}
            for number, (_, expression) in enumerate(expressions())]}]}
        code, said = self.promtool("check", "rules", "/dev/stdin", input=json.dumps(rules))
        self.assertEqual(code, 0, said)


if __name__ == "__main__":
    unittest.main()
