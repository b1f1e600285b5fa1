"""WinoGrande for the harness: one ending under two contexts."""


def gold(doc):
    return int(doc["answer"]) - 1


def contexts(doc):
    before = doc["sentence"][: doc["sentence"].index("_")]
    return [before + doc["option1"], before + doc["option2"]]


def ending(doc):
    return doc["sentence"][doc["sentence"].index("_") + 1:].strip()
