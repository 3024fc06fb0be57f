//! Keys: records, the segmented table, databases.
