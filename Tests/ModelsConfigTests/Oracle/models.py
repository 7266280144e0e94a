#!/usr/bin/env python3
"""Writes texts of ModelServerConfig, well-formed and spoilt ones, and what protobuf makes of each: a JSON object a line.

Usage: models.py SEED COUNT    (protobuf from PyPI)
"""

import base64
import json
import random
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

FIELD = descriptor_pb2.FieldDescriptorProto
# config/model_server_config.proto and what it imports, as far as aspired reads it.
MESSAGES = {
    "Latest": [("num_versions", 1, FIELD.TYPE_UINT32)],
    "All": [],
    "Specific": [("versions", 1, FIELD.TYPE_INT64, "repeated")],
    "Policy": [
        ("latest", 100, "Latest", "choice"), ("all", 101, "All", "choice"), ("specific", 102, "Specific", "choice")],
    "Label": [("key", 1, FIELD.TYPE_STRING), ("value", 2, FIELD.TYPE_INT64)],
    "Model": [
        ("name", 1, FIELD.TYPE_STRING), ("base_path", 2, FIELD.TYPE_STRING), ("model_platform", 4, FIELD.TYPE_STRING),
        ("model_version_policy", 7, "Policy"), ("version_labels", 8, "Label", "repeated")],
    "List": [("config", 1, "Model", "repeated")],
    "Config": [("model_config_list", 1, "List", "choice")],
}


def message_class():
    file = descriptor_pb2.FileDescriptorProto(name="models.proto", package="m", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, *rule in fields:
            field = message.field.add(name=field_name, number=number, label=FIELD.LABEL_OPTIONAL)
            if "repeated" in rule:
                field.label = FIELD.LABEL_REPEATED
            if "choice" in rule:
                if not message.oneof_decl:
                    message.oneof_decl.add(name="choice")
                field.oneof_index = 0
            if isinstance(kind, str):
                field.type, field.type_name = FIELD.TYPE_MESSAGE, f".m.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("m.Config"))


class Writer:
    """Writes a random list of models in one of the many ways that there are to write it."""

    def __init__(self, chance):
        self.chance = chance

    def blank(self):
        return self.chance.choice(["", " ", "\n", "\t", " # a comment: { \" \n", "\r\n", "  "])

    def gap(self):
        return self.chance.choice([" ", "\n", " # \n ", "\t"])

    def end(self):
        return self.chance.choice([self.gap(), "," + self.blank(), ";" + self.blank(), self.gap()])

    def string(self, text):
        parts = [text]
        if self.chance.random() < 0.2:
            cut = self.chance.randint(0, len(text))
            parts = [text[:cut], text[cut:]]
        return self.blank().join(self.quoted(part) for part in parts)

    def quoted(self, text):
        quote = self.chance.choice("\"'")
        written = ""
        for character in text:
            way = self.chance.random()
            if character in ("\\", quote, "\n") or way < 0.03:
                written += "".join(self.chance.choice([f"\\{byte:03o}", f"\\x{byte:02x}"]) for byte in character.encode())
            elif way < 0.05 and ord(character) < 0x10000:
                written += f"\\u{ord(character):04x}"
            else:
                written += character
        return quote + written + quote

    def number(self, value):
        sign, digits = ("-", -value) if value < 0 else ("", value)
        return sign + self.chance.choice([str(digits), str(digits), hex(digits), "0" + oct(digits)[2:] if digits else "0"])

    def message(self, name, fields):
        opening, closing = self.chance.choice(["{}", "{}", "<>"])
        return name + self.chance.choice([":", "", ""]) + self.blank() + opening + self.blank() + fields + closing + self.end()

    def scalar(self, name, value):
        return name + self.blank() + ":" + self.blank() + value + self.end()

    def unknown(self):
        return self.chance.choice([
            "", "", "", "logging_config { sampling_config { sampling_rate: 0.5 } }\n", "new_field: [1, 2, 3]\n",
            "other { deep < a: 'x' \"y\" > b: -1e-3 c: inf }\n", "enumeration: SOME_NAME\n"])

    def policy(self):
        way = self.chance.randint(0, 5)
        if way == 0:
            return self.message("latest", self.scalar("num_versions", self.number(self.chance.choice([0, 1, 3, 1 << 31, (1 << 32) - 1]))))
        if way == 1:
            return self.message("latest", "")
        if way == 2:
            return self.message("all", "")
        if way == 3:
            numbers = [self.number(self.version()) for _ in range(self.chance.randint(1, 4))]
            if self.chance.random() < 0.5:
                return self.message("specific", "".join(self.scalar("versions", number) for number in numbers))
            return self.message("specific", "versions: [" + ",".join(self.blank() + number for number in numbers) + "]" + self.end())
        return ""

    def version(self):
        return self.chance.choice([1, 2, 3, 1700000000, (1 << 63) - 1, -(1 << 63), -7, 0])

    def model(self):
        name = self.chance.choice(["a", "b", "mnist", "resnet-50", "é", "with \"quotes'", "日本"]) + str(self.chance.randint(0, 40))
        path = self.chance.choice(["/models/", "s3://bucket/prefix/", "file:///srv/", "gs://elsewhere/"]) + name
        parts = [self.scalar("name", self.string(name)), self.scalar("base_path", self.string(path)), self.unknown()]
        if self.chance.random() < 0.5:
            parts.append(self.scalar("model_platform", self.string("tensorflow")))
        if self.chance.random() < 0.7:
            parts.append(self.message("model_version_policy", self.policy()))
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            label = self.scalar("key", self.string(self.chance.choice(["stable", "canary"])))
            parts.append(self.message("version_labels", label + self.scalar("value", self.number(self.version()))))
        self.chance.shuffle(parts)
        return "".join(parts)

    def config(self):
        models = [self.model() for _ in range(self.chance.randint(0, 3))]
        if models and self.chance.random() < 0.2:
            inside = "config: [" + ", ".join("{" + model + "}" for model in models) + "]" + self.end()
        else:
            inside = "".join(self.message("config", model) for model in models)
        text = self.blank() + self.message("model_config_list", inside + self.unknown())
        return text if self.chance.random() < 0.7 else self.spoilt(text)

    def spoilt(self, text):
        """One character less, more, or another one."""
        at = self.chance.randrange(len(text))
        instead = self.chance.choice(["", "{", "}", "[", "]", ":", ",", "\"", "'", "-", "0", "9", "x", "\\", "#", "\n", ".", "<"])
        return text[:at] + instead + text[at + self.chance.randint(0, 1):]


def reading(kind, text):
    """The models, as aspired has them; nothing where the text or what it says is refused."""
    config = kind()
    try:
        text_format.Parse(text, config, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError):
        return None
    models = []
    for model in config.model_config_list.config:
        if not model.name or not (model.base_path.startswith("/") or "://" in model.base_path):
            return None
        policy = model.model_version_policy
        chosen = policy.WhichOneof("choice")
        if chosen == "specific":
            if not policy.specific.versions:
                return None
            versions = ",".join(str(number) for number in dict.fromkeys(policy.specific.versions))
        elif chosen == "all":
            versions = "all"
        else:
            count = max(1, policy.latest.num_versions)
            versions = "latest" if count == 1 else f"latest:{count}"
        models.append({
            "name": model.name, "base_path": model.base_path, "policy": versions,
            "labels": ",".join(f"{key}={value}" for key, value in sorted({l.key: l.value for l in model.version_labels}.items()))})
    if len({model["name"] for model in models}) < len(models):
        return None
    return models


def main(seed, count):
    kind = message_class()
    writer = Writer(random.Random(seed))
    for _ in range(count):
        text = writer.config()
        print(json.dumps({"text": base64.b64encode(text.encode()).decode(), "models": reading(kind, text)}, ensure_ascii=True))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(int(sys.argv[1]), int(sys.argv[2]))
