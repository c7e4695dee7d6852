"""The broker, its topics, and whether producers put records where they belong."""

from __future__ import annotations

from serving.doctor.facts import Away, Facts
from serving.doctor.finding import Finding, bad, ok, warn
from stream.cluster import WrongTopic, refuse_config
from stream.survey import Survey
from stream.topics import TOPICS, partition_of

SLOW_MS = 250.0
AHEAD_MS = 60_000
LATELY_MS = 3_600_000


def reachable(facts: Facts) -> Finding:
    """Whether a broker answers, and how fast."""
    if not facts.settings.broker_url:
        return bad("LIVESHELF_BROKER_URL is not set.", "Set it to host:port of your Kafka, or use `liveshelf up`.")
    if isinstance(facts.survey, Away):
        return bad(f"{facts.survey.why}.", "Start the broker, or correct LIVESHELF_BROKER_URL; mind firewalls.")
    took = f"the broker answers in {facts.survey.answered_ms:.0f} ms"
    if facts.survey.answered_ms > SLOW_MS:
        return warn(f"{took}: every accepted event waits that long.", "Look at its disks, its load, the network.")
    return ok(f"{took}.")


def topics(facts: Facts) -> Finding | None:
    """Whether all topics are there."""
    if not isinstance(facts.survey, Survey):
        return None
    missing = [topic.name for noun, topic in TOPICS.items() if noun not in facts.survey.topics]
    if missing:
        fix = "`liveshelf up` or `liveshelf worker` creates them; the broker must allow them to."
        return bad(f"topics are missing: {', '.join(missing)}.", fix)
    return ok(f"all {len(TOPICS)} topics are there.")


def partitions(facts: Facts) -> Finding | None:
    """Whether the numbers of partitions fit each other and the setting."""
    if not isinstance(facts.survey, Survey) or not facts.survey.topics:
        return None
    counts = {noun: topic.partitions for noun, topic in facts.survey.topics.items()}
    wanted = facts.settings.partitions
    other = [TOPICS[noun].name for noun, count in counts.items() if wanted and count != wanted]
    if other:
        fix = "Set LIVESHELF_PARTITIONS to what they have, or create them anew."
        return bad(f"{', '.join(other)}: not {wanted} partitions, as LIVESHELF_PARTITIONS says.", fix)
    if counts.get("events") != counts.get("privacy"):
        return bad(
            "the events and the privacy topic have different numbers of partitions, but a visitor's consents lie in "
            "the partition of their events.",
            f"Create {TOPICS['privacy'].name} with {counts.get('events')} partitions.",
        )
    return ok(f"the events lie in {counts.get('events')} partitions.")


def kept(facts: Facts) -> Finding | None:
    """Whether the topics keep their records as promised: compaction, at most 30 days."""
    if not isinstance(facts.survey, Survey):
        return None
    told = {noun: topic.config for noun, topic in facts.survey.topics.items() if topic.config is not None}
    wrong = []
    for noun, config in told.items():
        try:
            refuse_config(TOPICS[noun], config)
        except WrongTopic as error:
            wrong.append(str(error))
    if wrong:
        return bad(" ".join(wrong), "Change them with kafka-configs.")
    if not told:
        return ok("the broker does not tell how topics keep their records (the embedded one has no such settings).")
    return ok("cleanup policies and retentions are as they should be.")


def positions(facts: Facts) -> Finding | None:
    """Whether the stored state belongs to the topics that are there."""
    if not isinstance(facts.survey, Survey) or not facts.positions:
        return None
    for tag, position in facts.positions.items():
        found = facts.survey.topics.get(tag.topic)
        if found is not None and found.partitions != position.partitions:
            return bad(
                f"the state in Redis was made with {position.partitions} partitions of {TOPICS[tag.topic].name}, now "
                f"it has {found.partitions}: the worker halts.",
                "Give the topic its partitions back, or run `liveshelf migrate`.",
            )
    return ok("the state in Redis was made from topics with as many partitions.")


def partitioner(facts: Facts) -> Finding | None:
    """Whether producers use Kafka's own partitioner: each key's murmur2 against where its record lies."""
    if not isinstance(facts.survey, Survey) or not facts.events:
        return None
    count = facts.survey.topics["events"].partitions
    wrong = [one for one in facts.events if not one.key or partition_of(one.key, count) != one.partition]
    if wrong:
        verdict = bad if any(one.timestamp > facts.now_ms - LATELY_MS for one in wrong) else warn
        return verdict(
            f"{len(wrong)} of the {len(facts.events)} newest events lie in another partition than their key belongs "
            "to, or have no key; the worker takes none of them.",
            "Let producers set partitioner=murmur2_random (librdkafka) and the visitor_id as key; then `liveshelf "
            "dead-letters replay`.",
        )
    return ok(f"the {len(facts.events)} newest events lie where their keys belong.")


def clock(facts: Facts) -> Finding | None:
    """Whether producers' clocks agree with this machine's."""
    if not facts.events:
        return None
    ahead = max(record.timestamp for record in facts.events) - facts.now_ms
    if ahead > AHEAD_MS:
        return warn(
            f"the newest event's timestamp is {ahead / 1000:.0f} s ahead of this machine's clock.",
            "Let NTP set the clocks of this machine and of the producers; event times are clamped to 5 minutes ahead.",
        )
    return ok("no event comes from the future.")
