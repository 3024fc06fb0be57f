//! Values: one room a type, with the compact and the full encodings. No keys here.
