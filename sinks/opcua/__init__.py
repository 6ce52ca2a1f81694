"""Device writers that speak OPC UA."""
