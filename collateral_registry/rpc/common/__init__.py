"""What every servicer shares: conversion, errors, paging, filters, field masks."""
