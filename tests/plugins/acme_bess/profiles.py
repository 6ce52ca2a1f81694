"""A device profile that a package brings: the text, or a `pathlib.Path` to it."""

RACK_3 = """\
name: acme-rack-3
version: 1
title: Acme rack 3
protocol: modbus
kind: storage
sign: positive_is_discharge
addressing: zero_based
read:
  soc:             { register: "holding 100", type: uint16, scale: 0.1, unit: "%" }
  power:           { register: "holding 102", type: int32, scale: 0.1, unit: kW, word_order: big }
  charge_limit:    { register: "holding 104", type: uint16, scale: 0.1, unit: kW }
  discharge_limit: { register: "holding 105", type: uint16, scale: 0.1, unit: kW }
  heartbeat:       { register: "holding 106", type: uint16 }
fresh_by: heartbeat
write:
  power: { register: "holding 200", type: int32, scale: 0.1, unit: kW, word_order: big }
"""
