//! The wires, from the outside: requests go through the whole router, over a log in memory that
//! was made and signed by the real publisher's parts.

mod charts;
mod connections;
mod cors;
mod damage;
mod data;
mod fixture;
mod health;
mod hostile;
mod openness;
mod pages;
mod routes;
