"""Says what is wrong with commands for the AWS command line, by AWS's own descriptions of its services.

Reads a JSON list of argument lists (without `aws`) from standard input, prints a JSON list of complaints.
"""

import json
import sys

import botocore
import botocore.session

# Commands that the command line adds to what the services offer, with their options.
OWN = {
    ("s3", "cp"): {"recursive"},
    ("s3", "ls"): {"recursive"},
    ("s3", "rb"): {"force"},
    ("s3", "rm"): {"recursive"},
    ("logs", "tail"): {"since", "format", "follow", "filter-pattern"},
}
RENAMED = {"s3api": "s3"}
# What the command line takes with every operation.
EVERYWHERE = {"query", "output", "no-paginate"}
session = botocore.session.get_session()


def complaint(arguments):
    service, operation, *rest = arguments
    options = {word[2:] for word in rest if word.startswith("--")}
    if (service, operation) in OWN:
        unknown = options - OWN[service, operation]
        return f"no option {sorted(unknown)}" if unknown else None
    model = session.get_service_model(RENAMED.get(service, service))
    names = {botocore.xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        return "no such operation"
    shape = model.operation_model(names[operation]).input_shape
    members = {botocore.xform_name(name, "-"): name for name in (shape.members if shape else {})}
    switches = {f"no-{option}" for option, name in members.items() if shape.members[name].type_name == "boolean"}
    unknown = options - set(members) - switches - EVERYWHERE
    missing = {botocore.xform_name(name, "-") for name in (shape.required_members if shape else [])} - options
    if unknown or missing:
        return f"no option {sorted(unknown)}, missing {sorted(missing)}"
    return None


found = ((command, complaint(command)) for command in json.load(sys.stdin))
json.dump([f"aws {' '.join(command)}: {what}" for command, what in found if what], sys.stdout)
