// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/bus/reader.h"
#include "tests/storm.h"

namespace pitwall::telemetry {
namespace {

Event numbered(int64_t producer, int64_t number) {
    Event event;
    event.t_ns = number;
    event.mark.value = producer;
    return event;
}

void publish(Producer& producer, int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {
        Event event = numbered(0, i);
        producer.publish(event);
    }
}

std::vector<Event> drain_all(Reader& reader, size_t at_once = 64) {
    std::vector<Event> events;
    while (reader.drain(events, at_once) > 0) {
    }
    return events;
}

void expect_numbers(const std::vector<Event>& events, int64_t first, int64_t count) {
    ASSERT_EQ(events.size(), static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) ASSERT_EQ(events[static_cast<size_t>(i)].t_ns, first + i);
}

TEST(Bus, EveryReaderGetsWhatWasPublishedSinceItCame) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto early = bus.add_reader(Overflow::kDrop, 64);
    publish(*producer, 0, 10);
    const auto late = bus.add_reader(Overflow::kDrop, 64);
    publish(*producer, 10, 10);
    bus.remove_reader(early);
    publish(*producer, 20, 10);
    expect_numbers(drain_all(*early), 0, 20);
    expect_numbers(drain_all(*late), 10, 20);
    EXPECT_EQ(bus.last_seq(), 30u);
    EXPECT_TRUE(late->empty());
}

TEST(Bus, AFullRingDropsWhatComesAndSaysHowMany) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kDrop, 16);
    publish(*producer, 0, 100);
    expect_numbers(drain_all(*reader), 0, 16);
    EXPECT_EQ(reader->dropped(), 84u);
    publish(*producer, 100, 5);
    expect_numbers(drain_all(*reader), 100, 5);
}

TEST(Bus, AWaitingRingKeepsWhatOverflowsInOrder) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 16);
    EXPECT_TRUE(producer->has_room(16));
    publish(*producer, 0, 100);
    EXPECT_FALSE(producer->has_room(1));
    std::vector<Event> events;
    EXPECT_EQ(reader->drain(events, 20), 20u);
    publish(*producer, 100, 30);
    for (const Event& event : drain_all(*reader, 7)) events.push_back(event);
    expect_numbers(events, 0, 130);
    EXPECT_EQ(reader->dropped(), 0u);
    EXPECT_TRUE(producer->has_room(16));
    EXPECT_TRUE(producer->has_room(1000)) << "an empty ring is all the room there ever is";
}

TEST(Bus, AProducerWaitsForRoomAndSaysHowLong) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 16);
    EXPECT_EQ(producer->wait_for_room(16), 0);
    publish(*producer, 0, 16);
    std::thread drainer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        drain_all(*reader);
    });
    EXPECT_GE(producer->wait_for_room(1), 1'000'000);
    drainer.join();
}

TEST(Bus, WithGapsNobodyWaitsAndTheNumbersShowTheHole) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 16);
    reader->set_gap_on_overflow(true);
    publish(*producer, 0, 40);
    EXPECT_EQ(producer->wait_for_room(1), 0);
    expect_numbers(drain_all(*reader), 0, 16);
    publish(*producer, 40, 1);
    const auto rest = drain_all(*reader);
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest[0].seq, 41u);
    EXPECT_EQ(reader->dropped(), 24u);
}

TEST(Bus, AReaderThatDiscardsCostsNobodyAnything) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 16);
    publish(*producer, 0, 16);
    reader->discard();
    publish(*producer, 16, 1000);
    EXPECT_EQ(producer->wait_for_room(100), 0);
    EXPECT_EQ(reader->dropped(), 0u);
    reader->set_gap_on_overflow(false);  // does not bring it back
    publish(*producer, 0, 10);
    expect_numbers(drain_all(*reader), 0, 16);
}

TEST(Bus, TextIsCutIntoPiecesThatFollowEachOther) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kDrop, 64);
    for (const size_t size : {0, 1, 88, 89, 300}) {
        std::string text(size, 'x'), again;
        for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i);
        producer->publish_text(DictionaryKind::kPrompt, 7, text, 5);
        const auto pieces = drain_all(*reader);
        ASSERT_EQ(pieces.size(), std::max<size_t>((size + 87) / 88, 1));
        for (const Event& piece : pieces) {
            EXPECT_EQ(piece.dictionary.offset, again.size());
            EXPECT_EQ(piece.dictionary.total_bytes, size);
            again.append(piece.dictionary.bytes, piece.dictionary.length);
        }
        EXPECT_EQ(again, text);
    }
}

TEST(Bus, NotifyWakesAReaderThatSleeps) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kDrop, 64);
    std::atomic<bool> awake = false;
    std::thread sleeper([&] {
        reader->wait(3'600'000'000'000);  // who is not woken hangs
        awake = true;
    });
    while (!awake) {
        publish(*producer, 0, 1);
        producer->notify();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    sleeper.join();
    EXPECT_TRUE(awake);
}

TEST(Bus, AWaitEndsByItself) {
    Bus bus;
    const auto reader = bus.add_reader(Overflow::kDrop, 64);
    reader->wait(1'000'000);
    EXPECT_TRUE(reader->empty());
}

// Several producers, readers of both kinds that stay, and readers that come and go while all publish.
void bus_storm(uint32_t seed) {
    constexpr int kProducers = 3;
    constexpr int64_t kEvents = storm_size(20000);
    Bus bus;
    const auto steady = bus.add_reader(Overflow::kWait, 256);
    const auto dropping = bus.add_reader(Overflow::kDrop, 64);
    std::atomic<int> running = kProducers;
    std::vector<std::thread> threads;
    for (int p = 0; p < kProducers; ++p) {
        threads.emplace_back([&, p] {
            const auto producer = bus.add_producer();  // while the others publish
            std::mt19937 random(seed + static_cast<unsigned>(p));
            for (int64_t i = 0; i < kEvents; ++i) {
                if (random() % 64 == 0) producer->wait_for_room(random() % 128);
                Event event = numbered(p, i);
                producer->publish(event);
                if (random() % 256 == 0) producer->notify();
            }
            --running;
        });
    }
    threads.emplace_back([&] {
        while (running > 0) {
            const auto guest = bus.add_reader(Overflow::kDrop, 32);
            std::vector<Event> events;
            guest->drain(events, 16);
            bus.remove_reader(guest);
            guest->drain(events, 1000);
            for (size_t i = 1; i < events.size(); ++i) ASSERT_LT(events[i - 1].seq, events[i].seq);
        }
    });
    uint64_t seen_by_dropping = 0;
    threads.emplace_back([&] {
        std::vector<Event> events;
        uint64_t last = 0;
        while (running > 0 || !dropping->empty()) {
            events.clear();
            seen_by_dropping += dropping->drain(events, 50);
            for (const Event& event : events) {
                ASSERT_LT(last, event.seq);
                last = event.seq;
            }
            dropping->wait(100'000);
        }
    });
    std::vector<int64_t> next(kProducers, 0);
    std::vector<Event> events;
    uint64_t last = 0;
    while (last < uint64_t{kProducers} * kEvents) {
        events.clear();
        steady->drain(events, 100);
        for (const Event& event : events) {
            ASSERT_EQ(event.seq, ++last) << "the order is total: no number is missing or late";
            ASSERT_EQ(event.t_ns, next[static_cast<size_t>(event.mark.value)]++);
        }
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(seen_by_dropping + dropping->dropped(), uint64_t{kProducers} * kEvents);
    EXPECT_EQ(steady->dropped(), 0u);
}

TEST(BusStorm, OrderIsTotalAndNothingIsLostOrTornWhileReadersComeAndGo) {
    for (const uint32_t seed : StormSeeds()) bus_storm(seed);
}

}  // namespace
}  // namespace pitwall::telemetry
