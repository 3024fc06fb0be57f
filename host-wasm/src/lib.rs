//! Nuthatch in a browser.
