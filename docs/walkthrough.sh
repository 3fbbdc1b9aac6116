#!/usr/bin/env bash
# From a file of annotations to a release that anyone can verify. docs/walkthrough.md explains each step.
#
#     docs/walkthrough.sh FILE FOLDER [IMPORT OPTIONS…]
#
# FOLDER is made; it must not exist. TOUCHSTONE names the command (default: touchstone), PYTHON a Python 3.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 FILE FOLDER [IMPORT OPTIONS…]" >&2
    exit 2
fi
file=$1 folder=$2
shift 2
touchstone=${TOUCHSTONE:-touchstone} python=${PYTHON:-python3}
items_each=3 # how many flags each of the two annotators answers here

mkdir -p "$(dirname "$folder")"
mkdir "$folder"
export TOUCHSTONE_STORE=$folder/store TOUCHSTONE_KEYS=$folder/keys TOUCHSTONE_PROJECT=walkthrough

# A command as you would type it.
typed() {
    local word line="\$ touchstone"
    for word in "$@"; do
        if [[ $word == *" "* ]]; then line+=" \"$word\""; else line+=" $word"; fi
    done
    echo "${line//$folder/FOLDER}"
}

# A command, then what it says. A check that says no (exit code 1) does not end the script.
show() {
    local code=0
    typed "$@"
    "$touchstone" "$@" || code=$?
    if [ "$code" -eq 1 ]; then echo "(exit code 1: the check says no)"; fi
    if [ "$code" -gt 1 ]; then return "$code"; fi
}

# What a command says as JSON, for the script itself.
ask() { "$touchstone" --json "$@"; }

# A value of the JSON document on standard input: field item.labels.0
field() {
    "$python" -c '
import json, sys
found = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    found = found[int(key)] if isinstance(found, list) else found[key]
print("\n".join(map(str, found)) if isinstance(found, list) else "" if found is None else found)' "$1"
}

# One item, answered by PERSON: blind, then, having seen the evidence, the same again. A script cannot read, so the
# answer is a stand-in: the first label of the label set, or "cannot tell".
answer_one() {
    local person=$1 how=$2 next item label reveal version current words
    next=$(ask relabel next --by "$person")
    item=$(field item.item_id <<<"$next")
    label=$(field item.labels.0 <<<"$next")
    words=(--label "$label")
    if [ "$how" = cannot_tell ]; then words=(--cannot-tell); fi
    typed relabel blind "$item" "${words[@]}" --by "$person"
    reveal=$(ask relabel blind "$item" "${words[@]}" --by "$person")
    version=$(field reveal.version <<<"$reveal")
    current=$(field reveal.label <<<"$reveal")
    echo "the label is $current (version $version); flagged: $(field reveal.reasons.0.title <<<"$reveal")"
    if [ "$how" = cannot_tell ]; then
        words=(--verdict cannot_tell)
    elif [ "$label" = "$current" ]; then
        words=(--verdict keep)
    else
        words=(--verdict change --label "$label" --rationale "The guideline decides it.")
    fi
    show relabel answer "$item" "${words[@]}" --expected-version "$version" --by "$person"
    answered=$item
}

echo "== Import"
show import "$file" "$@"

echo "== Guideline and members"
printf '# How to label\n\nChoose the label that most readers would choose.\n' >"$folder/guideline.md"
show guideline "$folder/guideline.md"
show member add petra --role reviewer --name Petra
show member add ana --role annotator --name Ana
show member add ben --role annotator --name Ben

echo "== Figures"
show score
show consensus --out "$folder/consensus.csv"
ask annotators | "$python" -c '
import json, sys
rows = sorted(json.load(sys.stdin)["annotators"], key=lambda row: -row["n"])[:3]
print("$ touchstone annotators   (the three with most annotations)")
for row in rows:
    gold = row["accuracy_on_gold"]
    print(row["annotator_id"], row["n"], "with others %.3f" % row["agreement"], "on gold", "–" if gold is None else "%.3f" % gold)'

echo "== Flags"
show flag
show queue --by ana

echo "== Relabel: Ana, then Ben"
for number in $(seq "$items_each"); do
    # Nobody can tell about the last one: it goes to the lead.
    if [ "$number" -eq "$items_each" ]; then how=cannot_tell; else how=first_label; fi
    answer_one ana "$how"
done
unclear=$answered
for _ in $(seq "$items_each"); do
    following=$(ask queue --by ben | field next_item_id)
    if [ "$following" = "$unclear" ]; then how=cannot_tell; else how=first_label; fi
    answer_one ben "$how"
done
answer_one ana first_label # what Ben would change waits for a second person

echo "== Adjudicate"
for item in $(ask queue | "$python" -c '
import json, sys
print(*(row["item_id"] for row in json.load(sys.stdin)["waiting"] if row["status"] == "adjudicate"))'); do
    label=$(ask case "$item" | field evidence.label)
    show adjudicate "$item" --label "$label" --reason "The guideline does not decide it; the crowd's label stays."
done

echo "== Gates"
show score
show gate

echo "== Release"
proposed=$(ask release propose --note "A walkthrough")
show release list
for gate in $(field blocking_gates <<<"$proposed"); do
    show release waive "$gate" --reason "Released to show how a release goes; nobody trains on it."
done
show release approve --reason "Looked at the gates and the waivers."
show release approve --by petra --reason "The waivers are fair for a walkthrough."
show release export --out "$folder/release"

echo "== Verify"
show verify "$folder/release"
show verify "$folder/store"
