//! The site from the outside: requests go through the whole router, with a log in memory that the real
//! publisher's code made and signed.

mod chart_page;
mod charts;
mod config_states;
mod connections;
mod cors;
mod counters;
mod damage;
mod data;
mod fixture;
mod health;
mod hostile;
mod overview;
mod pages;
mod parts;
mod promises;
mod reads;
mod routes;
mod sharing;
