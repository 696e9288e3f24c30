//! musl-tests
