-- Cases, the steps taken with them, and the days that count otherwise than their weekday.

CREATE TABLE cases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    matter text NOT NULL CHECK (length(matter) BETWEEN 1 AND 200),
    applicant text NOT NULL CHECK (length(applicant) BETWEEN 1 AND 200),
    content text NOT NULL CHECK (length(content) BETWEEN 1 AND 20000),
    state text NOT NULL
        CHECK (state IN ('filed', 'correcting', 'accepted', 'not_accepted', 'granted', 'denied')),
    received_on date NOT NULL,
    accepted_on date CHECK (accepted_on >= received_on),
    extended boolean NOT NULL DEFAULT false,
    decided_on date,
    CHECK ((state IN ('granted', 'denied')) = (decided_on IS NOT NULL)),
    CHECK (state NOT IN ('accepted', 'granted', 'denied') OR accepted_on IS NOT NULL)
);

-- Who did what, by which decision of the gateway: one decision is one request and one step.
CREATE TABLE steps (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES cases (id),
    step text NOT NULL CHECK (
        step IN ('file', 'ask_correction', 'correct', 'accept', 'not_accept', 'extend', 'grant', 'deny')
    ),
    note text NOT NULL CHECK (length(note) <= 2000),
    at timestamptz NOT NULL DEFAULT now(),
    subject text NOT NULL CHECK (subject <> ''),
    title text NOT NULL,
    zone text NOT NULL CHECK (zone <> ''),
    number text NOT NULL,
    revision integer NOT NULL,
    decision text NOT NULL UNIQUE CHECK (decision <> '')
);

CREATE INDEX steps_of_case ON steps (case_id, id);

-- 行政许可法 82: time limits are in working days. The State Council says these each year.
CREATE TABLE days (
    day date PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('holiday', 'worked')),
    title text NOT NULL DEFAULT ''
);

-- What was done is added to and never changed; cases are never removed.
GRANT SELECT, INSERT ON cases TO "loushan-approval";
GRANT UPDATE (state, received_on, accepted_on, extended, decided_on) ON cases TO "loushan-approval";
GRANT SELECT, INSERT ON steps TO "loushan-approval";
GRANT SELECT ON days, migrations TO "loushan-approval";

-- Supervision reads, and sees neither what an application says nor any note.
GRANT SELECT (id, matter, state, received_on, accepted_on, extended, decided_on)
    ON cases TO "loushan-supervision";
GRANT SELECT ON days TO "loushan-supervision";
