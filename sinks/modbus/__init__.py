"""Modbus devices that are written to: what a command says in registers, what the device proves first, its budget."""
