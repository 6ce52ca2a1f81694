-- The state of an alarm after each change (ISA-18.2), and who caused it; empty where it was nobody.
alter table alarms add column state text, add column operator text;
