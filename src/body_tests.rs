//! Bodies whose bytes a test sends one by one.

use super::*;
use axum::body::Bytes;
use hyper::body::Frame;
use std::convert::Infallible;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A body that counts how often it is polled.
struct Sent {
    pieces: mpsc::UnboundedReceiver<Bytes>,
    asked: mpsc::UnboundedSender<()>,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.pieces.poll_recv(context).map(|piece| piece.map(|p| Ok(Frame::data(p))));
        if next.is_pending() {
            let _ = self.asked.send(());
        }
        next
    }
}

struct Sender {
    pieces: Option<mpsc::UnboundedSender<Bytes>>,
    asked: mpsc::UnboundedReceiver<()>,
    read: JoinHandle<Result<Vec<u8>, BodyError>>,
}

impl Sender {
    /// A body that is being read, before anything has arrived.
    async fn begin(bodies: &Bodies) -> Sender {
        let (pieces, receiver) = mpsc::unbounded_channel();
        let (asked, mut waits) = mpsc::unbounded_channel();
        let (bodies, body) = (bodies.clone(), Body::new(Sent { pieces: receiver, asked }));
        let read = tokio::spawn(async move {
            bodies.read(body, 1000).await.map(|arrived| arrived.bytes().to_vec())
        });
        let _ = waits.recv().await;
        Sender { pieces: Some(pieces), asked: waits, read }
    }

    /// Sends some bytes, and waits until they are read.
    async fn send(&mut self, count: usize) {
        let pieces = self.pieces.as_ref().expect("not ended");
        let _ = pieces.send(vec![b'x'; count].into());
        let _ = self.asked.recv().await;
    }

    /// Ends the body, and returns the result.
    async fn end(mut self) -> Result<Vec<u8>, BodyError> {
        self.pieces = None;
        self.ended().await
    }

    /// The result, without ending the body.
    async fn ended(self) -> Result<Vec<u8>, BodyError> {
        let read = tokio::time::timeout(Duration::from_secs(120), self.read).await;
        read.expect("it ends").expect("no panic")
    }
}

fn limits() -> BodyLimits {
    BodyLimits { at_once: 2, bytes: 1500, grace: Duration::from_secs(3600), rate: 100 }
}

#[tokio::test]
async fn a_body_arrives_piece_by_piece() {
    let bodies = Bodies::new(limits());
    let mut sender = Sender::begin(&bodies).await;
    sender.send(400).await;
    sender.send(600).await;
    assert_eq!(sender.end().await.map(|bytes| bytes.len()), Ok(1000));
    let mut sender = Sender::begin(&bodies).await;
    sender.send(1001).await;
    assert_eq!(sender.end().await, Err(BodyError::TooLarge));
    let held = lock(&bodies.held);
    assert_eq!((held.bytes, held.bodies.len()), (0, 0));
}

#[tokio::test]
async fn a_body_that_does_not_keep_up_is_given_up() {
    let limits = BodyLimits { grace: Duration::from_millis(1), ..limits() };
    let mut sender = Sender::begin(&Bodies::new(limits)).await;
    // It ends by itself.
    sender.send(1).await;
    assert_eq!(sender.ended().await, Err(BodyError::TooSlow));
}

#[test]
fn the_minimum_is_an_average() {
    let limits = BodyLimits::default();
    assert_eq!(limits.patience(0), Duration::from_secs(10));
    // A phone with 1,000 bytes a second has twice the time that it needs for 20 kB.
    assert_eq!(limits.patience(20_000), Duration::from_millis(10_000 + 39_062));
}

#[tokio::test]
async fn where_there_is_no_room_the_first_of_those_that_just_began_makes_it() {
    let bodies = Bodies::new(limits());
    let first = Sender::begin(&bodies).await;
    let second = Sender::begin(&bodies).await;
    let third = Sender::begin(&bodies).await;
    assert_eq!(first.ended().await, Err(BodyError::TooSlow));
    assert_eq!(second.end().await, Ok(Vec::new()));
    assert_eq!(third.end().await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_slow_body_that_moves_stays_and_one_that_does_not_makes_room() {
    let bodies = Bodies::new(limits());
    let mut moving = Sender::begin(&bodies).await;
    let still = Sender::begin(&bodies).await;
    moving.send(1000).await;
    // As if both had begun some time ago, the moving one first.
    for (body, seconds) in lock(&bodies.held).bodies.values_mut().zip([5, 3]) {
        body.began -= Duration::from_secs(seconds);
    }
    let next = Sender::begin(&bodies).await;
    assert_eq!(still.ended().await, Err(BodyError::TooSlow));
    // It is faster than the minimum, so it stays rather than one that has just begun.
    let newest = Sender::begin(&bodies).await;
    assert_eq!(next.ended().await, Err(BodyError::TooSlow));
    assert_eq!(moving.end().await.map(|bytes| bytes.len()), Ok(1000));
    assert_eq!(newest.end().await, Ok(Vec::new()));
}

#[tokio::test]
async fn bodies_hold_no_more_bytes_together_than_they_may() {
    let bodies = Bodies::new(limits());
    let mut first = Sender::begin(&bodies).await;
    let mut second = Sender::begin(&bodies).await;
    first.send(900).await;
    second.send(900).await;
    assert_eq!(first.ended().await, Err(BodyError::TooSlow));
    assert_eq!(lock(&bodies.held).bytes, 900);
    assert_eq!(second.end().await.map(|bytes| bytes.len()), Ok(900));
}

#[tokio::test]
async fn bodies_that_arrived_are_not_given_up() {
    let bodies = Bodies::new(limits());
    let arrived = bodies.read(Body::from("a"), 1000).await.expect("a body");
    let other = bodies.read(Body::from("b"), 1000).await.expect("a body");
    let refused = bodies.read(Body::from("c"), 1000).await.expect_err("no room");
    assert_eq!(refused, BodyError::Full);
    drop(arrived);
    assert_eq!(bodies.read(Body::from("c"), 1000).await.expect("room").bytes(), b"c");
    drop(other);
}
