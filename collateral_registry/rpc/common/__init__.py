"""Parts shared by all servicers: conversion, errors, interceptors, paging, filters, field masks and names."""
