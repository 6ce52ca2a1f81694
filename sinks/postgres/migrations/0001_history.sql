-- History of a site. Every table has a key that is the same however often a row is sent.
--
-- Time series are plain tables with a BRIN index on `at`: they grow in the order of time. Every unique key of them
-- contains `at`, and nothing refers to them, so that TimescaleDB's create_hypertable('telemetry', 'at',
-- migrate_data => true) works on each of them without a change to the model.
--
-- kW: + = discharging / feeding in. NULL = unknown.

create table boots (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    version text, config text,
    primary key (site, boot_id)
);

create table telemetry (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    asset text not null, tick bigint,
    soc_pct double precision, soh_pct double precision, power_kw double precision, reactive_kvar double precision,
    voltage_v double precision, current_a double precision, temperature_c double precision,
    bms_charge_kw double precision, bms_discharge_kw double precision, age_s double precision,
    available boolean, remote boolean, alarms bigint, fault bigint,
    quality bigint, quality_text text, source text,
    state text, authority text,
    written_kw double precision, readback_kw double precision, write_age_s double precision, write_status text,
    primary key (site, boot_id, seq, at)
);
create index telemetry_at on telemetry using brin (at);

create table site_telemetry (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null, tick bigint,
    poc_kw double precision, poc_age_s double precision, poc_quality bigint,
    frequency_hz double precision, frequency_age_s double precision, frequency_quality bigint,
    other_kw double precision, total_kw double precision, site_low_kw double precision, site_high_kw double precision,
    armed boolean,
    primary key (site, boot_id, seq, at)
);
create index site_telemetry_at on site_telemetry using brin (at);

create table commands (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    command_id text not null, asset text not null, tick bigint,
    mode text not null, power_kw double precision, reactive_kvar double precision, valid_until timestamptz,
    heartbeat bigint, reason text, source text,
    asked_kw double precision, base_kw double precision, service_kw double precision, desired_kw double precision,
    limited_kw double precision, ramped_kw double precision,
    low_kw double precision, high_kw double precision, low_room_kw double precision, high_room_kw double precision,
    request text, low_by text, high_by text, limited_by text, state text,
    resolve_reason text, service_reason text, limit_reason text, ramp_reason text, command_reason text,
    primary key (site, boot_id, seq, at)
);
create index commands_at on commands using brin (at);
create index commands_id on commands (command_id);

create table state_changes (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    asset text, tick bigint, item text not null, before text, after text, reason text,
    primary key (site, boot_id, seq, at)
);
create index state_changes_at on state_changes (site, at);

create table alarms (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    alarm_id text not null, asset text, priority integer, text text, response text,
    active boolean, acknowledged boolean,
    primary key (site, boot_id, seq, at)
);
create index alarms_at on alarms (site, at);

create table operator_acts (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    act_id text, what text not null, asset text, operator text, role text, reason text,
    accepted boolean not null, why text,
    primary key (site, boot_id, seq)
);
create index operator_acts_at on operator_acts (site, at);

-- A schedule is a document: its digest is its identity, a later version is another row.
create table schedules (
    site text not null, digest text not null, boot_id text not null, seq bigint not null,
    received_at timestamptz not null,
    type text not null, asset text, area text, version bigint not null, issued_at timestamptz, source text,
    primary key (site, digest)
);
create index schedules_received on schedules (site, received_at);

create table schedule_windows (
    site text not null, digest text not null, position integer not null,
    window_start timestamptz not null, window_end timestamptz not null,
    power_kw double precision, penalty_eur_per_kwh double precision, binding text,
    primary key (site, digest, position),
    foreign key (site, digest) references schedules (site, digest)
);

create table schedule_withdrawals (
    site text not null, boot_id text not null, seq bigint not null, at timestamptz not null,
    type text not null, asset text, source text,
    primary key (site, boot_id, seq)
);

-- What was ordered and what was wished stays as it was. Retention has to ask for it by name.
create function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('bess.retention', true) = tg_table_name then
        return old;
    end if;
    raise exception '% of % is refused: history is append-only', tg_op, tg_table_name;
end $$;

create trigger append_only before update or delete on operator_acts for each row execute function refuse_change();
create trigger append_only before update or delete on boots for each row execute function refuse_change();
create trigger append_only before update or delete on alarms for each row execute function refuse_change();
create trigger append_only before update or delete on schedules for each row execute function refuse_change();
create trigger append_only before update or delete on schedule_windows for each row execute function refuse_change();
