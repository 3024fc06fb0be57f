//! What the engine keeps for each connection.
